package summary

import (
	"errors"
	"fmt"
	"time"

	"github.com/runhook/runhook/internal/faults"
)

// A HookSink is what a hook has of a [Sink] for the time of a monitored session.
// A hook that writes calls its methods from its own of like names; after a
// failed Begin or before one, it has nothing and its methods do nothing. It is for
// one goroutine at a time.
type HookSink struct {
	sink    Sink
	session SessionSink // sink, if it is one
	cached  *FileWriter // sink, if it is of FileWriterCache
}

// Begin takes the sink, or if that is nil the writer that [FileWriterCache] has
// for dir; with neither, nothing. It returns [ErrClosed] if the sink is closed.
func (h *HookSink) Begin(sink Sink, dir string) error {
	if faults.IsNil(sink) {
		if dir == "" {
			return nil
		}
		w, err := FileWriterCache.Get(dir)
		if err != nil {
			return err
		}
		h.cached, sink = w, w
	}
	h.sink = sink
	var ok bool
	if h.session, ok = sink.(SessionSink); !ok {
		return nil
	}
	if err := h.session.BeginSession(); err != nil {
		h.sink, h.session = nil, nil
		return errors.Join(err, h.release())
	}
	return nil
}

// IsOn reports whether there is something to write to.
func (h *HookSink) IsOn() bool { return h.sink != nil }

// SessionAt says which step the session will write first: the hook knows when
// the session was created. One that was created again goes on with the START
// that it has.
func (h *HookSink) SessionAt(step int64) {
	if h.session != nil {
		h.session.SessionAt(step)
	}
}

// StartSession writes the START of the session at step, if it has none yet. It
// is called before the first value.
func (h *HookSink) StartSession(step int64) error {
	if h.session == nil {
		return nil
	}
	return h.session.StartSession(step)
}

// Add writes values as the summary of one event, now. Without values it does
// nothing.
func (h *HookSink) Add(step int64, values ...Value) error {
	if len(values) == 0 || !h.IsOn() {
		return nil
	}
	return h.sink.AddValues(time.Now(), step, values)
}

// Writer returns a writer to the sink, which there has to be, for this session.
func (h *HookSink) Writer() *Writer { return NewWriter(h.sink) }

// Flush flushes the sink, unless the user has closed it: then everything that was
// added has left the process.
func (h *HookSink) Flush() error {
	if !h.IsOn() {
		return nil
	}
	if err := h.sink.Flush(); !errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}

// CloseSession gives the sink back. The last user of a writer of
// [FileWriterCache] closes it; a sink that was passed in is flushed, so that
// also after a failure what was added has left the process.
func (h *HookSink) CloseSession() error {
	if h.sink == nil {
		return nil
	}
	if h.session != nil {
		h.session.EndSession()
	}
	var err error
	if h.cached == nil {
		err = h.Flush()
	}
	h.sink, h.session = nil, nil
	return errors.Join(err, h.release())
}

func (h *HookSink) release() error {
	w := h.cached
	if h.cached = nil; w == nil {
		return nil
	}
	return FileWriterCache.Release(w)
}

// logdirOf names where a hook writes: dir, or what the sink says.
func logdirOf(sink Sink, dir string) string {
	if faults.IsNil(sink) {
		return dir
	}
	if w, ok := sink.(interface{ GetLogdir() string }); ok {
		return w.GetLogdir()
	}
	return fmt.Sprintf("%T", sink)
}
