// Package stats summarises measurements.
package stats

import (
	"cmp"
	"math"
	"slices"
)

// Percentile returns the smallest value that at least the share p, 0 to 1, of
// values do not exceed; 0 where there are none. The values are sorted.
func Percentile[T cmp.Ordered](values []T, p float64) T {
	slices.Sort(values)
	if len(values) == 0 {
		var none T
		return none
	}
	i := int(math.Ceil(p*float64(len(values)))) - 1
	return values[min(max(i, 0), len(values)-1)]
}

// Median returns the value in the middle, and of an even number the mean of
// the two; 0 where there are none. The values are not changed.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// MannWhitney tests whether values of a tend to be larger or smaller than
// those of b. It returns the share of pairs in which a's is the larger, ties
// counting half (0.5: neither), and the two-sided p-value by the normal
// approximation with corrections for ties and continuity, good from about 20
// values each. Where all values are the same, p is 1.
func MannWhitney(a, b []float64) (share, p float64) {
	if len(a) == 0 || len(b) == 0 {
		return 0.5, 1
	}
	type ranked struct {
		value float64
		ofA   bool
	}
	all := make([]ranked, 0, len(a)+len(b))
	for _, v := range a {
		all = append(all, ranked{v, true})
	}
	for _, v := range b {
		all = append(all, ranked{v, false})
	}
	slices.SortFunc(all, func(x, y ranked) int { return cmp.Compare(x.value, y.value) })
	var ranks, ties float64
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].value == all[i].value {
			j++
		}
		// Equal values share the mean of their ranks.
		mean := float64(i+1+j) / 2
		for _, r := range all[i:j] {
			if r.ofA {
				ranks += mean
			}
		}
		t := float64(j - i)
		ties += t*t*t - t
		i = j
	}
	na, nb := float64(len(a)), float64(len(b))
	n := na + nb
	u := ranks - na*(na+1)/2
	share = u / (na * nb)
	variance := na * nb / 12 * (n + 1 - ties/(n*(n-1)))
	if variance <= 0 {
		return share, 1
	}
	z := max(math.Abs(u-na*nb/2)-0.5, 0) / math.Sqrt(variance)
	return share, math.Erfc(z / math.Sqrt2)
}
