// Package graph is the embedded engine: a training graph of named Go functions.
//
// A [Graph] is built of variables (state, one set a session), placeholders
// (values to be fed), nodes (functions of other names) and updates (functions
// that change variables), and is finalized before its first session. One run
// goes like this, whatever is fetched in which order:
//
//  1. Nodes that a fetch needs are evaluated, each once, with the variables as
//     they are before the run. What is fed is not evaluated.
//  2. Updates that are fetched, alone or in a training op, are made in the order
//     of their first mention.
//  3. The global step is advanced by 1 if a training op was fetched.
//  4. Fetched variables are read: after the updates. Only the global step is the
//     one from before, as TensorFlow's own hooks expect (the "stale" step of
//     tensorflow/python/training/training_util.py).
//
// A run that fetches no update and no training op changes nothing.
package graph
