package summary

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
)

// lock takes the lock for a scalar. That is held for less time than it takes to park
// a goroutine, which Mutex does at once where others wait for the processor: this
// looks a few times before.
func (s *stream) lock() {
	for range 40 {
		if s.mu.TryLock() {
			return
		}
	}
	s.mu.Lock()
}

// addScalar adds an event with one scalar. It is the hot path of plain loops.
func (s *stream) addScalar(now time.Time, step int64, tag string, value float32) error {
	s.lock()
	defer s.mu.Unlock()
	if taken, err := s.ready(); !taken {
		return err
	}
	known := s.tags[tag]
	front, metadata := known.scalar, []byte(nil)
	if known.file != s.current || front == nil {
		var err error
		if front, metadata, err = s.noteScalar(tag); err != nil {
			return err
		}
	}
	start := s.beginValues(now, step)
	b := appendHead(s.queue.records, wallTime(now), step)
	b = append(b, front...)
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(value))
	s.queue.records = append(b, metadata...)
	s.endRecord(start)
	s.renew(tag, step)
	return nil
}

// noteScalar is noteTags for a scalar. It also returns what stands in its event
// between the head and the value.
func (s *stream) noteScalar(tag string) (front, metadata []byte, err error) {
	known, ok := s.tags[tag]
	if !ok {
		if err := checkTag(tag); err != nil {
			return nil, nil, err
		}
		tag = strings.Clone(tag)
	}
	if known.file != s.current {
		metadata = scalarMetadata
		known.metadata, known.file = metadata, s.current
	}
	known.scalar = scalarFront(tag, nil)
	s.tags[tag] = known
	return scalarFront(tag, metadata), metadata, nil
}
