package cli

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

// TestReserveHeap looks at how far the heap may grow until it is collected.
func TestReserveHeap(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	reserve := reserveHeap()
	runtime.GC()
	goal := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(goal)
	if got := goal[0].Value.Uint64(); got < 2*heapReserve {
		t.Errorf("it is collected at %d bytes, want %d at least", got, 2*heapReserve)
	}
	runtime.KeepAlive(reserve)
}
