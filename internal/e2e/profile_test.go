package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// A profilePage is what tbprofile.py tells of a profile. Times are in
// microseconds, those of steps in milliseconds.
type profilePage struct {
	Tools []string
	Hosts []string
	Trace []row // row, name, start, duration
	Ops   []row // type, operation, occurrences, time of their own
	Steps []row // step, host compute, all others, sum
}

// A row has texts and numbers.
type row []any

// TestTensorBoardShowsAProfile asks TensorBoard where RUNHOOK_PYTHON has its Profile
// page, the package xprof, and else reads what it said of the same file.
func TestTensorBoardShowsAProfile(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "moons", "train")
	begin := time.Date(2026, 11, 29, 13, 20, 5, 0, time.UTC)
	step := func(number int64, at time.Duration) summary.ProfileStep {
		node := func(name string, from, to time.Duration) session.NodeStats {
			return session.NodeStats{Name: name, Start: begin.Add(at + from*time.Microsecond), Duration: (to - from) * time.Microsecond}
		}
		return summary.ProfileStep{
			Step: number, Start: begin.Add(at), Duration: time.Millisecond,
			Metadata: &session.RunMetadata{Nodes: []session.NodeStats{
				node("input", 10, 200), node("hidden/MatMul", 200, 500), node("hidden/bias_1", 300, 400), node("größe:0", 500, 520),
				node("ForOp", 520, 530), node("train", 600, 900), node("SessionRun", 900, 900),
			}},
		}
	}
	require.NoError(t, summary.WriteProfile(run, summary.Profile{
		Name: "first steps", Host: "gpu1.example.org", Steps: []summary.ProfileStep{step(11, 1500*time.Microsecond), step(10, 0)},
	}))
	content, err := os.ReadFile(filepath.Join(run, "plugins", "profile", "first steps", "gpu1.example.org.xplane.pb"))
	require.NoError(t, err)

	require.Equal(t, map[string]profilePage{"moons/train/first steps": {
		Tools: []string{
			"overview_page", "trace_viewer@", "op_profile", "input_pipeline_analyzer", "memory_profile", "roofline_model", "framework_op_stats", "hlo_stats",
		},
		Hosts: []string{"gpu1.example.org"},
		Trace: []row{
			{"steps", "train 10", 0., 1000.},
			{"steps", "train 11", 1500., 1000.},
			{"engine", "input", 10., 190.},
			{"engine", "hidden/MatMul", 200., 300.},
			{"engine", "größe:0", 500., 20.},
			{"engine", "ForOp", 520., 10.},
			{"engine", "train", 600., 300.},
			{"engine", "SessionRun", 900., 0.},
			{"engine", "input", 1510., 190.},
			{"engine", "hidden/MatMul", 1700., 300.},
			{"engine", "größe:0", 2000., 20.},
			{"engine", "ForOp", 2020., 10.},
			{"engine", "train", 2100., 300.},
			{"engine", "SessionRun", 2400., 0.},
			{"engine/1", "hidden/bias_1", 300., 100.},
			{"engine/1", "hidden/bias_1", 1800., 100.},
		},
		Ops: []row{
			{"IDLE", "IDLE", 0., 2150.},
			{"MatMul", "hidden/MatMul", 2., 600.},
			{"train", "train", 2., 600.},
			{"input", "input", 2., 380.},
			{"bias", "hidden/bias_1", 2., 200.},
			{"größe", "größe_0", 2., 40.},
			{"ForOp", "ForOp", 2., 20.},
			{"SessionRun", "SessionRun", 2., 0.},
		},
		Steps: []row{
			{"train 10", 0.82, 0.18, 1.},
			{"train 11", 0.82, 0.18, 1.},
		},
	}}, profilePages(t, dir, content))
}

// profilePages returns what the Profile page shows of dir, whose only profile is in a
// file of that content.
func profilePages(t *testing.T, dir string, content []byte) map[string]profilePage {
	t.Helper()
	hash := fmt.Sprintf("%x", sha256.Sum256(content))
	if os.Getenv("RUNHOOK_PYTHON") != "" {
		out, complaints, err := runPython(t.Context(), pythonOf(t), "testdata/tbprofile.py", "--stop-at-eof", dir)
		require.NoError(t, err, "%s", complaints)
		var pages map[string]profilePage
		require.NoError(t, json.Unmarshal(out, &pages))
		if len(pages) > 0 {
			t.Logf(`for testdata/tbprofile.json: {"sha256": %q, "pages": %s}`, hash, bytes.TrimSpace(out))
			return pages
		}
	}
	text, err := os.ReadFile("testdata/tbprofile.json")
	require.NoError(t, err)
	var recorded struct {
		SHA256 string
		Pages  map[string]profilePage
	}
	require.NoError(t, json.Unmarshal(text, &recorded))
	require.Equal(t, recorded.SHA256, hash, "the file has changed: TensorBoard has to be asked again")
	return recorded.Pages
}
