package cli

// heapReserve is what a server asks for and never touches: the system gives no memory for it. The garbage collector takes it
// for live, and so waits until another 32 MiB at least are garbage. What a server keeps is little beside what its requests
// throw away, and without this it would be looked through many times a second: about a tenth of the processor time of a post.
// A larger GOGC would do the same to a small heap, but would let a large one grow without bounds.
const heapReserve = 32 << 20

// reserveHeap returns the reserve, which counts for as long as it is kept alive.
func reserveHeap() []byte { return make([]byte, heapReserve) }
