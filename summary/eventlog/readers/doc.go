// Package readers tells what TensorBoard shows of a log directory, without
// TensorBoard. Three programs read event files, and they differ: they drop
// points, merge them, or fail where another does not. Each is a View.
//
//	             ┌ EventAccumulator  scripts: event_accumulator.EventAccumulator
//	log          │
//	directory ───┼ PythonServer      tensorboard --load_fast=false
//	             │
//	             └ DataServer        tensorboard, its default: rustboard
//
//	files ─▶ records ─▶ events ─▶ migrated values ─▶ series ─▶ page
//	         │          │                            │         │
//	         └──────────┴──────── Loss ──────────────┴─────────┘
//
// A view follows the code of its reader, not a list of known cases: TensorBoard
// 2.21.0 (backend/event_processing, data_compat.py, dataclass_compat.py and the
// plugins) and its data server 0.7.2 (tensorboard/data/server). What a reader
// leaves out is a Loss, which says where and why; what it answers with an error
// is the Err of a tag, a run or the whole.
//
// What is shown is what the plugins' own pages get to see, after a load of a
// directory that no one writes to. Series are complete, as with
// --samples_per_plugin raised above their length, unless a view is told to
// sample. What is left then looks random and is not: the readers seed their
// generators with 0, and so do the views.
//
// Not imitated: that Python follows a circle of links until the system refuses,
// with a run for each round; how the data server reads names that are no UTF-8,
// which package io/fs cannot open; that the histograms page draws 51 of a longer
// series, how Markdown is rendered, whether a picture can be decoded, and the
// pages that several series make together (hparams, custom scalars, meshes,
// projector): their series are listed as the server holds them, and PluginErrs
// tells where the pages of hparams and meshes answer with an error.
// The Python readers are those of an installation without TensorFlow, whose own
// reader of records TensorBoard prefers where it is there.
package readers
