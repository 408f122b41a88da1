// Package lanes places what overlaps in time side by side.
package lanes

// Lanes are rows of a drawing. The zero value has none yet.
type Lanes struct {
	free []int64 // when each is free again
}

// Place returns the first lane, from 0, that is free at start, and fills it up to
// end. What is placed comes in the order in which it starts.
func (l *Lanes) Place(start, end int64) int {
	lane := 0
	for lane < len(l.free) && l.free[lane] > start {
		lane++
	}
	if lane == len(l.free) {
		l.free = append(l.free, 0)
	}
	l.free[lane] = end
	return lane
}
