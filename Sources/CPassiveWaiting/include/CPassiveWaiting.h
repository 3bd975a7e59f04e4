// Linked into an executable, this makes OpenMP's threads sleep while they wait; there is nothing to
// call.
//
// The workers spin unless told otherwise, which costs most of the speed where cores are shared.
// OpenMP reads OMP_WAIT_POLICY when its library is initialised, before main, so that the process
// replaces itself by itself with the variable set, unless the user has set it. That happens before
// the libraries' initialisers, which take longer than the rest of the start (libtorch registers its
// operators there).
