package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// processors is how long the processors worked: for this process, for the server, and for all of the machine. It is all
// zero where the kernel does not tell by way of /proc.
type processors struct{ own, server, all time.Duration }

// tick is the unit of /proc, which is the same on every Linux.
const tick = 10 * time.Millisecond

// usage reads what was used until now. server is a process id.
func usage(server int) processors {
	return processors{own: processTime(os.Getpid()), server: processTime(server), all: machineTime()}
}

// shares are processors as shares of one processor over a time.
func (p processors) since(before processors, took time.Duration) processors {
	scale := func(d time.Duration) time.Duration { return time.Duration(float64(d) / took.Seconds()) }
	return processors{scale(p.own - before.own), scale(p.server - before.server), scale(p.all - before.all)}
}

// String says what was used in one second, for people: 100% is one processor.
func (p processors) String() string {
	if p.all == 0 {
		return ""
	}
	rest := max(p.all-p.own-p.server, 0)
	return fmt.Sprintf("server %s, load %s, others %s", percent(p.server.Seconds()), percent(p.own.Seconds()), percent(rest.Seconds()))
}

// processTime is the time in user and kernel mode of a process and its threads.
func processTime(pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	return parseProcessTime(raw)
}

// parseProcessTime reads /proc/<pid>/stat; the name in the second field may hold anything.
func parseProcessTime(raw []byte) time.Duration {
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	return ticks(fields[11]) + ticks(fields[12]) // utime and stime, counted from the third field
}

// machineTime is how long all processors together were not idle.
func machineTime() time.Duration {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return parseMachineTime(raw)
}

// parseMachineTime reads the first line of /proc/stat: user nice system idle iowait irq softirq steal.
func parseMachineTime(raw []byte) time.Duration {
	line, _, _ := strings.Cut(string(raw), "\n")
	fields := strings.Fields(line)
	if len(fields) < 8 || fields[0] != "cpu" {
		return 0
	}
	var busy time.Duration
	for i, f := range fields[1:] {
		if idle := i == 3 || i == 4; !idle && i < 8 {
			busy += ticks(f)
		}
	}
	return busy
}

func ticks(field string) time.Duration {
	n, _ := strconv.ParseInt(field, 10, 64)
	return time.Duration(n) * tick
}

// residentMiB is how much memory a process holds; NaN-free 0 where the kernel does not tell.
func residentMiB(pid int) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	return parseResident(string(raw))
}

func parseResident(status string) float64 {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kib / 1024
		}
	}
	return 0
}

// processorCount is for the head of the table.
func processorCount() string { return fmt.Sprintf("%d processors", runtime.NumCPU()) }
