package cli

import (
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// A meter shows how far a long work is, if there is a terminal to show it on and
// the work is long. It may be used by any number of goroutines; nil does nothing.
type meter struct {
	after time.Time // when to show it
	bar   *progressbar.ProgressBar

	mu      sync.Mutex
	pending int // before there is a bar
}

// meter returns one for total bytes, nil where it would be in the way. toStdout
// tells that the work writes to standard output meanwhile.
func (a *app) meter(what string, total int64, toStdout bool) *meter {
	if a.quiet || !a.ErrTerminal || toStdout && a.OutTerminal {
		return nil
	}
	a.progress = &meter{after: time.Now().Add(a.Patience), bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(a.Err),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
	)}
	return a.progress
}

// add counts bytes.
func (m *meter) add(n int) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending += n
	if time.Now().Before(m.after) {
		return
	}
	// What a bar of a growing file cannot count is no fault of the work.
	_ = m.bar.Add(m.pending)
	m.pending = 0
}

// clear takes the bar off the line, until the next bytes.
func (m *meter) clear() {
	if m != nil {
		_ = m.bar.Clear() // As with add.
	}
}
