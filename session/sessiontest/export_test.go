package sessiontest

import "github.com/runhook/runhook/internal/ruletest"

// EngineRules and HookRules return the texts of the rules by name.
func EngineRules() map[string]string { return texts(engineRules) }

func HookRules() map[string]string { return texts(hookRules) }

func texts[C any](rules []ruletest.Rule[C]) map[string]string {
	byName := make(map[string]string)
	for _, r := range rules {
		byName[r.Name] = r.Text
	}
	return byName
}
