package safe_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/cmd/runhook/internal/safe"
)

func TestTextShowsWhatATerminalWouldActUpon(t *testing.T) {
	for in, want := range map[string]string{
		"train/loss":            "train/loss",
		"损失 é ☃":                "损失 é ☃",
		`C:\n`:                  `C:\n`,
		"a\nb\tc":               `a\nb\tc`,
		"\x1b[31mred\x1b]0;x\a": `\x1b[31mred\x1b]0;x\a`,
		"\u009b31m\u007f":       `\u009b31m\x7f`,
		"abc\u202edef":          `abc\u202edef`,
		"\xff\xfe \uFFFD":       `\xff\xfe \ufffd`,
	} {
		require.Equal(t, want, safe.Text(in))
	}
}

func TestJSONMeansTheSame(t *testing.T) {
	in := "a\u009bb\u202ec\U000E0001d\u007f é\n"
	encoded, err := json.Marshal(in)
	require.NoError(t, err)
	out := safe.JSON(encoded)
	require.Equal(t, string(out), safe.Text(string(out)))
	var back string
	require.NoError(t, json.Unmarshal(out, &back))
	require.Equal(t, in, back)
}

func TestPathsStayBelowAndApart(t *testing.T) {
	reserved := func(e string) bool { return strings.HasPrefix(e, "step-") }
	seen := make(map[string]string)
	for name, want := range map[string]string{
		"train/loss":   "train/loss",
		"../../etc":    "%2E%2E/%2E%2E/etc",
		"/abs":         "%/abs",
		"a//b":         "a/%/b",
		".":            "%2E",
		"v1.5":         "v1.5",
		"x.":           "x%2E",
		"a b:c":        "a%20b%3Ac",
		`a\b`:          "a%5Cb",
		"%2E":          "%252E",
		"step-3/x":     "%73tep-3/x",
		"CON/nul.txt":  "%43ON/%6Eul.txt",
		"损失/\x1b":      "损失/%1B",
		"\xff\uFFFD\n": "%FF%EF%BF%BD%0A",
		"":             "%",
	} {
		got := safe.Path(name, reserved)
		require.Equal(t, want, got)
		require.Empty(t, seen[got])
		seen[got] = name
	}
	long := strings.Repeat("损", 4000)
	require.Less(t, len(safe.Path(long, reserved)), 200)
	require.NotEqual(t, safe.Path(long, reserved), safe.Path(long+"x", reserved))
}
