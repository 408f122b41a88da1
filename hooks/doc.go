// Package hooks has the hooks that training jobs attach to a monitored session
// of package session. They do what the hooks of the same names in
// tensorflow/python/training/basic_session_run_hooks.py do.
package hooks

import "github.com/runhook/runhook/session"

// Off, as a period, means never: TensorFlow's 0 or None.
const Off = session.Off
