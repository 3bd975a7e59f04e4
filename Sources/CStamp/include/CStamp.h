#ifndef CSTAMP_H
#define CSTAMP_H

const char *cstamp_commit(void);
const char *cstamp_tag(void);

#endif
