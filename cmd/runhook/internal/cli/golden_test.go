package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOutputs(t *testing.T) {
	logdir(t)
	for name, args := range map[string]string{
		"ls":             "ls runs",
		"ls_json":        "ls runs --run eval --json",
		"ls_runs":        "ls runs --runs",
		"ls_runs_json":   "ls runs --runs --json",
		"ls_chosen":      "ls runs --tag *a* --tag !acc* --kind image,text --run t?ain",
		"cat":            "cat runs",
		"cat_proto":      "cat runs --tag loss --steps 0:10 --run train --proto",
		"cat_blobs":      "cat runs --kind image --steps 50 --blobs",
		"show":           "show runs --tag loss",
		"show_smooth":    "show runs --run eval --tag accuracy --smooth 0.6 --height 8 --width 60",
		"show_log":       "show runs --tag loss --run train --log --height 10",
		"show_relative":  "show runs --tag loss --run train --x relative --height 6 --purge=false",
		"show_time":      "show runs --tag loss --x time --height 6",
		"show_x":         "show runs --tag loss --x accuracy --height 6",
		"show_json":      "show runs --tag loss --run train --smooth 0.5 --json",
		"stats":          "stats runs",
		"stats_per_step": "stats runs --tag loss --per-step",
		"stats_json":     "stats runs --tag loss --per-step --json --steps 20:30",
		"export_csv":     "export runs",
		"export_csv_x":   "export runs --tag loss --x accuracy --steps 0:30",
		"export_ndjson":  "export runs --format ndjson --run train --steps 0:0",
		"diff":           "diff runs/train runs/eval",
		"diff_json":      "diff runs/train runs/eval --tag loss --json",
		"verify":         "verify runs",
		"verify_json":    "verify runs --json",
		"help":           "--help",
		"help_show":      "show --help",
	} {
		t.Run(name, func(t *testing.T) {
			r := command(t, strings.Fields(args)...)
			golden(t, name, fmt.Sprintf("$ runhook %s\n%s%s[exit status %d]\n", args, r.out, r.err, r.status))
		})
	}
}

func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	for _, args := range []string{
		"", "ls", "cat", "show", "stats", "diff", "export", "verify", "repair", "edit",
		"edit rename", "edit delete", "edit downsample", "edit split", "edit merge", "edit purge",
	} {
		out := succeeds(t, append(strings.Fields(args), "--help")...)
		require.Contains(t, out, "Examples:\n  runhook "+args, args)
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "  -") || strings.HasPrefix(line, "      --") {
				continue // A flag; cobra does not wrap.
			}
			require.LessOrEqual(t, len([]rune(line)), 101, line)
		}
	}
}
