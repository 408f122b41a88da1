package tftrace

import (
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

// write writes an event, with paths as the documents have them.
func (c *checkpoints) write(other bool, ev string, fields ...any) event {
	e := c.add(ev, fields...)
	for key, value := range e {
		e[key] = c.shown(value)
	}
	e["t"] = math.Round(c.now()*1e4) / 1e4
	if other && ev != "disk" {
		e["other"] = true
	}
	return e
}

// shown replaces the path of the folder by $DIR.
func (c *checkpoints) shown(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, c.dir, "$DIR")
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = c.shown(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key := range v {
			out[key] = c.shown(v[key])
		}
		return out
	}
	return v
}

// setTimes gives the files that were written the time of the scenario.
func (c *checkpoints) setTimes() {
	c.eachFile(func(path string, info fs.FileInfo) {
		if now := time.Now(); info.ModTime().After(now.AddDate(10, 0, 0)) {
			now = now.Round(time.Millisecond)
			require.NoError(c.t, os.Chtimes(path, now, now))
		}
	})
}

func (c *checkpoints) eachFile(do func(path string, info fs.FileInfo)) {
	require.NoError(c.t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		require.NoError(c.t, err)
		do(path, info)
		return nil
	}))
}

// lookAtDisk writes down what is different now.
func (c *checkpoints) lookAtDisk(other bool) {
	stateNames := c.scenario.stateNames()
	prefixes, states := []any{}, map[string]any{}
	c.eachFile(func(path string, _ fs.FileInfo) {
		if prefix, ok := strings.CutSuffix(path, checkpoint.Extension); ok {
			prefixes = append(prefixes, prefix)
		} else if stateNames[filepath.Base(path)] {
			states[path] = c.stateOnDisk(path)
		}
	})
	slices.SortFunc(prefixes, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	now := map[string]any{"checkpoints": prefixes, "states": states}
	changed := maps.Clone(now)
	maps.DeleteFunc(changed, func(key string, value any) bool { return reflect.DeepEqual(value, c.disk[key]) })
	if c.disk = now; len(changed) > 0 {
		e := c.write(other, "disk")
		for key, value := range changed {
			e[key] = c.shown(value)
		}
	}
}

// stateOnDisk is what a state file says, paths not joined.
func (c *checkpoints) stateOnDisk(path string) any {
	dir, name := filepath.Split(path)
	state, err := checkpoint.StateFile{Dir: dir, LatestFilename: name}.Read()
	switch {
	case errors.Is(err, session.ErrInvalidCheckpointState):
		return map[string]any{"model_checkpoint_path": "", "all_model_checkpoint_paths": []any{}}
	case err != nil:
		return map[string]any{"invalid": true}
	}
	state.ModelCheckpointPath = strings.TrimPrefix(state.ModelCheckpointPath, dir)
	for i, path := range state.AllModelCheckpointPaths {
		state.AllModelCheckpointPaths[i] = strings.TrimPrefix(path, dir)
	}
	return shownState(state)
}

func shownState(s *checkpoint.State) map[string]any {
	shown := map[string]any{
		"model_checkpoint_path":      s.ModelCheckpointPath,
		"all_model_checkpoint_paths": asList(s.AllModelCheckpointPaths),
	}
	if len(s.AllModelCheckpointTimestamps) > 0 {
		var times []any
		for _, at := range s.AllModelCheckpointTimestamps {
			times = append(times, float64(at.UnixNano())/1e9)
		}
		shown["all_model_checkpoint_timestamps"] = times
	}
	if !s.LastPreservedTimestamp.IsZero() {
		shown["last_preserved_timestamp"] = float64(s.LastPreservedTimestamp.UnixNano()) / 1e9
	}
	return shown
}

// since is a time as documents have it.
func (c *checkpoints) since(t time.Time) float64 {
	return math.Round(t.Sub(c.start).Seconds()*1e3) / 1e3
}
