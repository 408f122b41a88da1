package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A test can only rely on readers that agree if a disagreement is noticed.

func TestReadersAreFoundToDisagree(t *testing.T) {
	for _, test := range []struct {
		name, logdir string
		want         []string
	}{
		{
			name:   "the Rust server shows no scalar of 64 bits",
			logdir: "scalar_double_val",
			want:   []string{`run '.' tag 'x' listed: py="scalars"  rb=null  ea="scalars"`},
		},
		{
			name:   "the Rust server drops what comes before a smaller step",
			logdir: "steps_late_point",
			want: []string{
				`run '.' tag 'x' steps: py=[0, 1, 2, 3, 10, 4, 5]  rb=[0, 1, 2, 3, 4, 5]  ea=[0, 1, 2, 3, 10, 4, 5]`,
				`run '.' tag 'x' values: py=[0.0, 1.0, 2.0, 3.0, 10.0, 4.0, 5.0]  rb=[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]` +
					`  ea=[0.0, 1.0, 2.0, 3.0, 10.0, 4.0, 5.0]`,
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			recorded(test.logdir)(t, dir)
			require.Subset(t, askReaders(t, dir).Disagreements, test.want)
		})
	}
}

func TestAReaderThatFailsIsAnError(t *testing.T) {
	python := pythonOf(t)
	dir := t.TempDir()
	recorded("file_garbage_record")(t, dir)

	answer, err := ask(t.Context(), python, dir)
	require.ErrorContains(t, err, "py failed: ")
	require.ErrorContains(t, err, "DecodeError")
	require.NotContains(t, err.Error(), "rb failed")
	require.NotEmpty(t, answer.Readers[eventAccumulator].Errors)
	require.NotEmpty(t, answer.Readers[rustServer].Warnings)

	_, err = ask(t.Context(), python, filepath.Join(dir, "nothing"))
	require.ErrorContains(t, err, "no such directory")
	_, err = ask(t.Context(), filepath.Join(dir, "no-python"), dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestNoServerOutlivesTheQuestion(t *testing.T) {
	python := pythonOf(t)
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	dir := t.TempDir()
	recorded("tf1_scalar")(t, dir)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := make(chan error, 1)
	go func() {
		_, err := ask(ctx, python, dir)
		asked <- err
	}()
	// The program itself and both servers.
	require.Eventually(t, func() bool { return len(processesOn(t, dir)) >= 3 }, time.Minute, 5*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-asked, context.Canceled)
	require.Empty(t, processesOn(t, dir))
}

// processesOn returns the command lines that mention the log directory dir.
func processesOn(t *testing.T, dir string) []string {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var out []string
	for _, file := range files {
		line, err := os.ReadFile(file) // fails if the process has ended
		if err == nil && bytes.Contains(line, []byte(dir)) {
			out = append(out, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return out
}

func TestTensorBoardIsThePinnedOne(t *testing.T) {
	text, err := os.ReadFile("../../.ci/requirements.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		require.Regexp(t, `^(#.*|[\w-]+==[0-9][0-9.]*)\n$`, line)
	}
	pinned := regexp.MustCompile(`(?m)^tensorboard==(.*)$`).FindSubmatch(text)
	require.NotNil(t, pinned)

	dir := t.TempDir()
	recorded("keras_validation")(t, dir)
	require.Equal(t, string(pinned[1]), askReaders(t, dir).TensorBoard)
}

func TestDifferencesAreFound(t *testing.T) {
	picture := []byte("a picture")
	same := fmt.Sprintf(`{"runs": {
		".": {"loss": {"plugin": "scalars", "steps": [1, 9007199254740993], "wall_times": [0.5, "NaN"], "values": [0.10000000149011612, "-Infinity"]}},
		"eval": {"pic": {"plugin": "images", "steps": [1], "wall_times": [2], "values": [[%q]], "description": "<p>it</p>"}}}}`, blob(picture))
	var answer readersAnswer
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"readers": {"ea": %s, "py": %[1]s, "rb": %[1]s}}`, same), &answer))

	loss := shown{tag: "loss", plugin: "scalars", steps: []int64{1, 1<<53 + 1}, values: []float64{0.1, math.Inf(-1)}}
	pic := shown{run: "eval", tag: "pic", plugin: "images", steps: []int64{1}, values: [][]string{{blob(picture)}}, description: "<p>it</p>"}
	require.Empty(t, differences(answer, []shown{loss, pic}))

	for _, test := range []struct {
		name   string
		change func(loss, pic *shown)
		want   string
	}{
		{"a step", func(loss, _ *shown) { loss.steps = []int64{1, 1 << 53} },
			`rb: run "." tag "loss": steps: got [1,9007199254740993], want [1,9007199254740992]`},
		{"one step less", func(loss, _ *shown) { loss.steps = []int64{1} },
			`ea: run "." tag "loss": steps: got [1,9007199254740993], want [1]`},
		{"a value", func(loss, _ *shown) { loss.values = []float64{0.1, math.Inf(1)} },
			`py: run "." tag "loss": values: got [0.10000000149011612,"-Infinity"], want [0.10000000149011612,"Infinity"]`},
		{"no values", func(loss, _ *shown) { loss.values = []float64{} },
			`py: run "." tag "loss": values: got [0.10000000149011612,"-Infinity"], want []`},
		{"a wall time", func(loss, _ *shown) { loss.wallTimes = []float64{0.5, 1} },
			`rb: run "." tag "loss": wall times: got [0.5,"NaN"], want [0.5,1]`},
		{"the plugin", func(loss, _ *shown) { loss.plugin = "text" },
			`ea: run "." tag "loss": plugin: got "scalars", want "text"`},
		{"the description", func(_, pic *shown) { pic.description = "<p>that</p>" },
			`rb: run "eval" tag "pic": description: got "<p>it</p>", want "<p>that</p>"`},
		{"a picture", func(_, pic *shown) { pic.values = [][]string{{blob(nil)}} },
			`py: run "eval" tag "pic": values: got [["9 bytes, sha256 92b2fa5802895831"]], want [["0 bytes, sha256 e3b0c44298fc1c14"]]`},
		{"the run", func(_, pic *shown) { pic.run = "train" },
			`ea: run "train" tag "pic" is not there`},
		{"the tag", func(loss, _ *shown) { loss.tag = "cost" },
			`py: run "." tag "loss" should not be there`},
	} {
		t.Run(test.name, func(t *testing.T) {
			loss, pic := loss, pic
			test.change(&loss, &pic)
			require.Contains(t, differences(answer, []shown{loss, pic}), test.want)
		})
	}

	t.Run("warnings, errors, empty runs", func(t *testing.T) {
		answer := readersAnswer{Readers: map[string]reader{
			pythonServer: {Warnings: []string{"torn record"}},
			rustServer:   {Runs: map[string]map[string]series{"eval": {}}, Errors: []string{"graph: 500"}},
		}}
		require.Equal(t, []string{"py: warns: torn record", "rb: error: graph: 500", `rb: run "eval" is empty`}, differences(answer, nil))
	})
}
