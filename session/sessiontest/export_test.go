package sessiontest

import "time"

// HasPatience sets how long code under test may take, and returns a function
// that sets it back.
func HasPatience(d time.Duration) (restore func()) {
	before := patience
	patience = d
	return func() { patience = before }
}

// EngineRules and HookRules return the texts of the rules by name.
func EngineRules() map[string]string { return texts(engineRules) }

func HookRules() map[string]string { return texts(hookRules) }

func texts[C any](rules []rule[C]) map[string]string {
	byName := make(map[string]string)
	for _, r := range rules {
		byName[r.name] = r.text
	}
	return byName
}
