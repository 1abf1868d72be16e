package stats_test

import (
	"math"
	"testing"

	"github.com/watchword-auth/watchword/bench/internal/stats"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []float64
		want   float64
	}{
		{"none", nil, 0},
		{"one", []float64{7}, 7},
		{"odd", []float64{9, 1, 5}, 5},
		{"even", []float64{9, 1, 5, 3}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := stats.Median(test.values); got != test.want {
				t.Errorf("Median(%v) = %v, want %v", test.values, got, test.want)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	values := []int{40, 10, 30, 20}
	for _, test := range []struct {
		name string
		p    float64
		want int
	}{
		{"least", 0, 10},
		{"half", 0.5, 20},
		{"above half", 0.51, 30},
		{"most", 1, 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := stats.Percentile(values, test.p); got != test.want {
				t.Errorf("Percentile(%v, %v) = %v, want %v", values, test.p, got, test.want)
			}
		})
	}
	if got := stats.Percentile([]int(nil), 0.5); got != 0 {
		t.Errorf("Percentile of nothing = %v, want 0", got)
	}
}

// The p-values follow from the formula by hand: see each case.
func TestMannWhitney(t *testing.T) {
	for _, test := range []struct {
		name     string
		a, b     []float64
		share, p float64
	}{
		{"nothing", nil, []float64{1}, 0.5, 1},
		{"all the same", []float64{2, 2, 2}, []float64{2, 2}, 0.5, 1},
		// U = 0, mean 12.5, variance 25*11/12: z = 12/4.787 = 2.507.
		{"apart", []float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}, 0, 0.01219},
		{"apart, the other way", []float64{6, 7, 8, 9, 10}, []float64{1, 2, 3, 4, 5}, 1, 0.01219},
		// Ranks of a: 1, 2.5, 4; U = 1.5, mean 4.5, ties 6, variance 9/12*(7-6/30): z = 2.5/2.258 = 1.107.
		{"with a tie", []float64{1, 2, 3}, []float64{2, 4, 5}, 1.5 / 9, 0.2683},
	} {
		t.Run(test.name, func(t *testing.T) {
			share, p := stats.MannWhitney(test.a, test.b)
			if math.Abs(share-test.share) > 1e-9 || math.Abs(p-test.p) > 5e-4 {
				t.Errorf("MannWhitney(%v, %v) = %.4f, %.4f, want %.4f, %.4f", test.a, test.b, share, p, test.share, test.p)
			}
		})
	}
}
