package summary

import "time"

// A start is the START that a monitored session is to get.
type start struct {
	wanted    bool
	known     bool      // whether the rest is
	step      int64     // the first that the session will write
	overtaken overtaken // at step
	err       error     // of looking for them
}

// expect says which START is to come; the next value, once its step is known,
// or startSession writes it first. It returns what was to come before.
func (s *stream) expect(coming start) (before start) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.coming = s.coming, coming
	return before
}

// expects reports whether a START is to come whose step is not known to be this.
func (s *stream) expects(step int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.coming.wanted && !(s.coming.known && s.coming.step == step)
}

// expectAt says at which step the START is to come, if there is one to come,
// and what it overtakes.
func (s *stream) expectAt(step int64, overtaken overtaken, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.coming.wanted {
		s.coming = start{true, true, step, overtaken, err}
	}
}

// startSession writes the START that is to come, at step. One for which there is
// no room comes with the next value.
func (s *stream) startSession(now time.Time, step int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.room()
	if len(s.coming.overtaken) > 0 {
		step = s.coming.step // The session may write its first step later.
	}
	switch {
	case !s.coming.wanted:
	case err == errFull:
		s.coming.known, s.coming.step = true, step
	case err == nil:
		s.rotate()
		s.addStart(now, step)
	}
	if err == errFull {
		return nil
	}
	return err
}

// beginValues is beginRecord for an event with values: the START that is to come
// stands before it.
func (s *stream) beginValues(now time.Time, step int64) (start int) {
	if s.coming.wanted && s.coming.known {
		s.addStart(now, s.coming.step)
	}
	if step > s.startedAt && len(s.overtaken) > 0 {
		s.dropOvertaken(now)
	}
	return s.beginRecord()
}

func (s *stream) addStart(now time.Time, step int64) {
	s.startedAt, s.overtaken = step, s.coming.overtaken
	for range s.starts {
		start := s.beginRecord()
		s.queue.records = appendStart(s.queue.records, wallTime(now), step)
		s.endRecord(start)
	}
	s.coming, s.starts = start{}, 1
}
