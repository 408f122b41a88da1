// Package closest finds the known names that a mistyped one may have meant.
package closest

import (
	"cmp"
	"slices"
	"strings"
)

const most = 3

// To returns up to three of known that look like name, the closest first:
// those that differ by a third of its letters or fewer, case aside, and those
// that hold it or are held by it whole (a forgotten scope).
func To(name string, known []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	want := strings.ToLower(name)
	for _, k := range known {
		have := strings.ToLower(k)
		d := distance(want, have)
		near := d <= max(1, len(want)/3) && d < len(want)
		if !near && len(want) > 2 && len(have) > 2 {
			near = strings.Contains(have, want) || strings.Contains(want, have)
		}
		if near {
			found = append(found, candidate{k, d})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, c := range found[:min(most, len(found))] {
		names = append(names, c.name)
	}
	return names
}

// distance is the Levenshtein distance of a and b in bytes, with two swapped
// neighbours counted as one change (optimal string alignment).
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	previous := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, previous, row = previous, row, before
	}
	return previous[len(b)]
}
