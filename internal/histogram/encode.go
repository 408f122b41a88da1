package histogram

// AppendBuckets appends the fields bucket_limit and bucket of a HistogramProto
// to upper and counts, the same number to both: limit and count of every
// bucket, where a run of empty buckets makes one entry with the limit of its
// last.
func (h *Histogram) AppendBuckets(upper, counts []float64) ([]float64, []float64) {
	for i := 0; i < Buckets; {
		next := h.next(i)
		upper, counts = append(upper, limits[next-1]), append(counts, float64(h.counts[i]))
		i = next
	}
	return upper, counts
}

// AppendRows appends three numbers for each entry that AppendBuckets makes,
// left edge, right edge and count, without the empty entries at both ends. The
// first left edge is the least value and the last right edge the greatest. An
// empty histogram has no rows.
func (h *Histogram) AppendRows(rows []float64) []float64 {
	if h.num == 0 {
		return rows
	}
	last := Buckets - 1
	for h.counts[last] == 0 {
		last--
	}
	left := h.moments.Min
	for i := h.next(0); i <= last; { // bucket 0 is empty
		next := h.next(i)
		right := limits[next-1]
		if i == last {
			right = h.moments.Max
		}
		rows = append(rows, left, right, float64(h.counts[i]))
		left, i = right, next
	}
	return rows
}

// next returns where the entry behind that of bucket i starts.
func (h *Histogram) next(i int) int {
	if h.counts[i] > 0 {
		return i + 1
	}
	for i < Buckets && h.counts[i] == 0 {
		i++
	}
	return i
}
