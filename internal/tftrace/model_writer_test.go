package tftrace

import "github.com/runhook/runhook/session"

// A modelWriter is TensorFlow's FileWriter, and if N-13 is mended a writer that
// begins a session by itself: one START before its first value, which is
// doubled in a new file of a folder that has older ones. Readers take the first
// START of a folder for its beginning.
//
// If the folder has values of steps that the session comes to again, START
// stands at the first of these, and a tag that does not get a value at that step
// gets one that nobody shows.
type modelWriter struct {
	model  *model
	folder string
	closed bool
	users  int // hooks that have it from the cache

	sessions int   // that write here, counted by their hooks
	pending  bool  // the session has no START yet
	coming   int64 // the first step of the session, for a value before its savers'
	starts   int   // that the next START takes

	// Tags with values that the START to come, and the last one, make obsolete.
	comingTags, overtaken map[string]bool
	startedAt             int64 // step of the last START
}

func (m *model) newWriter(folder string) *modelWriter {
	w := &modelWriter{model: m, folder: folder, starts: 1}
	if m.opened[folder] {
		w.starts = 2
	}
	m.opened[folder] = true
	return w
}

// ownWriter returns a writer that is the user's.
func (m *model) ownWriter(folder string) *modelWriter {
	w := m.newWriter(folder)
	m.own = append(m.own, w)
	return w
}

// cachedWriter returns the writer of a folder, for a hook.
func (m *model) cachedWriter(folder string) *modelWriter {
	w := m.writers[folder]
	if w == nil || w.closed && !m.makes("D-29") {
		w = m.newWriter(folder)
		m.writers[folder] = w
	}
	w.users++
	return w
}

// release gives a writer back. TensorFlow's stay open; here that shows only in
// their START.
func (m *model) release(w *modelWriter) {
	if w.users--; w.users == 0 && m.writers[w.folder] == w && !w.closed && !m.makes("N-13") {
		w.dropOvertaken()
		delete(m.writers, w.folder)
	}
}

func (m *model) closeWriter(dir string) error {
	if w := m.writers[dir]; w != nil {
		w.closed = true
	}
	return nil
}

// close closes the writers of the user.
func (m *model) close() error {
	for _, w := range m.own {
		w.dropOvertaken()
	}
	return nil
}

func (w *modelWriter) beginSession() {
	if w.sessions++; w.sessions == 1 {
		w.pending = true
	}
}

func (w *modelWriter) endSession() {
	if w.sessions--; w.sessions == 0 {
		w.pending = false
	}
}

// sessionAt tells the writer where a session begins, which is a matter of this
// library's writers.
func (w *modelWriter) sessionAt(s *machineSession) error {
	if w.model.makes("N-13") {
		return nil
	}
	step, err := w.model.readStep(s)
	w.coming = step + 1
	if w.pending {
		w.comingTags = w.tagsFrom(w.coming)
	}
	return err
}

// tagsFrom returns the tags with values of a step or a later one.
func (w *modelWriter) tagsFrom(step int64) map[string]bool {
	tags := make(map[string]bool)
	for _, e := range w.model.files[w.folder] {
		values, _ := e["values"].([]any)
		at, _ := e["step"].(float64)
		for _, v := range values {
			if int64(at) >= step {
				tags[tagOf(v)] = true
			}
		}
	}
	return tags
}

func tagOf(value any) string { return value.(map[string]any)["tag"].(string) }

// dropOvertaken writes the values that nobody shows.
func (w *modelWriter) dropOvertaken() {
	var dropped []any
	for _, tag := range sortedKeys(w.overtaken) {
		dropped = append(dropped, map[string]any{"tag": tag})
	}
	if w.overtaken = nil; len(dropped) > 0 {
		w.append(event{"event": "summary", "values": dropped}, w.startedAt)
	}
}

// startSession is what a saver does before its first value of a session.
func (w *modelWriter) startSession(step int64) {
	if w.model.makes("N-13") {
		w.append(event{"event": "session_log", "status": "START"}, step)
		return
	}
	if !w.pending {
		return
	}
	if len(w.comingTags) > 0 {
		step = w.coming
	}
	for range w.starts {
		w.append(event{"event": "session_log", "status": "START"}, step)
	}
	w.pending, w.starts = false, 1
	w.startedAt, w.overtaken = step, w.comingTags
}

func (w *modelWriter) add(step int64, summaries []summarySpec, fetched map[string]session.Value) {
	var values []any
	for _, s := range summaries {
		number, _ := fetched[s.Tensor].Number()
		values = append(values, map[string]any{"tag": s.Tag, "simple_value": asJSON(float32(number))})
	}
	w.addValues(step, values)
}

func (w *modelWriter) addValues(step int64, values []any) {
	if !w.model.makes("N-13") {
		w.startSession(w.coming)
		if step > w.startedAt {
			w.dropOvertaken()
		}
	}
	w.append(event{"event": "summary", "values": values}, step)
	for _, v := range values {
		if step <= w.startedAt {
			delete(w.overtaken, tagOf(v))
		}
	}
}

// write writes an event without values.
func (w *modelWriter) write(e event, step int64) {
	w.dropOvertaken()
	w.append(e, step)
}

func (w *modelWriter) append(e event, step int64) {
	if w.closed {
		return // with a warning that nobody sees
	}
	e["t"] = w.model.now()
	if step != 0 {
		e["step"] = asJSON(step)
	}
	w.model.files[w.folder] = append(w.model.files[w.folder], e)
}
