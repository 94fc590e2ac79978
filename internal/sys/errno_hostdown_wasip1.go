package sys

// EHOSTDOWN has no number in WASI; nothing reports this one.
const EHOSTDOWN Errno = 1 << 15
