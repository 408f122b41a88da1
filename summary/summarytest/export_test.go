package summarytest

// SinkRules returns the names of the rules.
func SinkRules() (names []string) {
	for _, r := range sinkRules {
		names = append(names, r.Name)
	}
	return names
}
