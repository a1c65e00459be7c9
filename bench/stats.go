package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sample is what the runs of one measurement gave, in the order of the runs.
type sample []float64

// median is the value in the middle; of an even number of values the mean of the two in the middle. It is NaN for none.
func (s sample) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// spread is "min – max"; empty when there is only one value.
func (s sample) spread() string {
	if len(s) < 2 {
		return ""
	}
	return figure(slices.Min(s)) + " – " + figure(slices.Max(s))
}

// over is how many times s is as much as other: the median over the runs when both were measured in turns, and otherwise
// the ratio of the medians.
func (s sample) over(other sample) float64 {
	if len(s) != len(other) {
		return s.median() / other.median()
	}
	ratios := make(sample, len(s))
	for i := range s {
		ratios[i] = s[i] / other[i]
	}
	return ratios.median()
}

// figure writes a number with as many digits as anybody reads: "4,512", "45.1", "0.45".
func figure(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case math.Abs(v) < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case math.Abs(v) < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	var b strings.Builder
	if v < 0 {
		b.WriteByte('-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// percentile is the smallest duration that at least the share p (0..1) of all is within; 0 for none. It sorts took.
func percentile(took []time.Duration, p float64) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[max(int(math.Ceil(p*float64(len(took))))-1, 0)]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// perSecond is a rate.
func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

// percent writes a share.
func percent(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) }
