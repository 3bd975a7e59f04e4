import CTorch

extension TorchRuntime {
  /// Makes the process's allocator keep freed memory; for a program whose main work is libtorch's,
  /// to be called in its main function before the first tensor. It cannot be undone.
  ///
  /// Large tensors otherwise get fresh pages from the kernel at every allocation and give them back
  /// when they are freed, and clearing those pages costs more than the arithmetic of an elementwise
  /// operator. Afterwards all threads allocate from one arena, no block has a mapping of its own,
  /// and only what exceeds 512 MB at the arena's end goes back to the system: the process keeps
  /// about as much as it ever needed at once. Since that concerns everything else in the process
  /// too, the library leaves the decision to the program. Without effect where the C library is not
  /// glibc.
  public static func keepFreedMemory() { ctorch_keep_freed_memory() }
}
