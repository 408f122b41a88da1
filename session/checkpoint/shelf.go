package checkpoint

import (
	"context"
	"path/filepath"
	"slices"
	"time"
)

// A SavedCheckpoint is a checkpoint and when it was saved.
type SavedCheckpoint struct {
	Path string
	Time time.Time
}

// A shelf holds the checkpoints that a Saver counts as its own.
type shelf struct {
	max   int           // Off: the shelf stays empty
	every time.Duration // Off: none is kept for good
	next  time.Time     // one that is saved after it is kept for good
	kept  []SavedCheckpoint
	due   []SavedCheckpoint // no longer kept, the oldest first
}

// add puts c at the end. What then is too much becomes due.
func (s *shelf) add(c SavedCheckpoint) {
	if s.max == Off {
		return
	}
	same := func(other SavedCheckpoint) bool { return samePath(other.Path, c.Path) }
	s.kept = append(slices.DeleteFunc(s.kept, same), c)
	s.due = slices.DeleteFunc(s.due, same)
	if n := len(s.kept) - s.max; n > 0 {
		s.due = append(s.due, s.kept[:n]...)
		s.kept = slices.Clone(s.kept[n:])
	}
}

// takeDue returns those that are to be removed. One that is newer than next is
// kept for good instead, and moves next on.
func (s *shelf) takeDue() []SavedCheckpoint {
	var remove []SavedCheckpoint
	for _, c := range s.due {
		if s.every != Off && c.Time.After(s.next) {
			s.next = s.next.Add(s.every)
			continue
		}
		remove = append(remove, c)
	}
	s.due = nil
	return remove
}

func (s *shelf) paths() []string {
	paths := make([]string, len(s.kept))
	for i, c := range s.kept {
		paths[i] = c.Path
	}
	return paths
}

// samePath reports whether paths mean one file, however they are spelled.
func samePath(a, b string) bool {
	if a == b {
		return true
	}
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}

// LastCheckpoints returns the paths of the checkpoints that the Saver counts as
// its own, the oldest first.
func (s *Saver) LastCheckpoints() []string { return s.shelf.paths() }

// SetLastCheckpointsWithTime makes the checkpoints, the oldest first, those that
// the Saver counts as its own. The times decide what KeepCheckpointEveryNHours
// keeps.
func (s *Saver) SetLastCheckpointsWithTime(checkpoints []SavedCheckpoint) {
	s.shelf.kept = slices.Clone(checkpoints)
}

// RecoverLastCheckpoints makes paths, the oldest first, those that the Saver
// counts as its own, saved when their files were written. Paths without files are
// left out.
func (s *Saver) RecoverLastCheckpoints(_ context.Context, paths []string) error {
	found, err := withTimes(paths)
	if err != nil {
		return err
	}
	s.SetLastCheckpointsWithTime(found)
	return nil
}
