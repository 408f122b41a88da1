// Package summary writes what TensorBoard shows: values that are made from a
// training step, and the event files that hold them.
//
// With a monitored session, a [SummarySaverHook] fetches what its summary ops
// need, on the runs that record, and writes their values:
//
//	engine ─fetches─▶ Op ─Values─▶ SummarySaverHook ─Add─▶ FileWriter ─▶ events.out.tfevents…
//
// A plain loop calls the methods of a [FileWriter] instead. Each kind of value is
// there in three ways, by one pattern:
//
//	Scalar(name, fetch)           an Op; the tag is name as CleanName gives it
//	w.Scalar(tag, value, step)    writes an event; the tag is used as it is
//	ScalarValue(tag, value)       a Value, for Add, for Constant, to be Described
//
// Where the forms that TensorFlow writes differ in what the readers of TensorBoard
// make of them, the kind has the form that looks the same in all of them, and a
// name that ends in V1 that of TensorFlow's first API. What belongs to a run and to
// no step has no op of its own: hyperparameters and layouts of charts go into
// [Constant], graphs, profiles and embeddings are written by the writer.
//
// A [Value] is encoded where it is made, and is framed and buffered by the
// writer; one goroutine per writer does the writing. The file is right in all
// three readers of TensorBoard (the data server, the Python server, the
// EventAccumulator): the version event comes first, names are unique and sort
// after those of older files of the run, and a tag's plugin and data class are
// written with its first value in each file.
//
// What a writer does with a slow disk, a full one or a long run is in its
// [FileWriterConfig]. Everything that takes values is a [Sink]: a FileWriter, a
// run of [RunWriters], [Discard], [NewSlogSink], and those that pass them on, [Tee] and
// [Limiter]. [NewWriter] gives any of them the methods of a FileWriter; hooks take
// them as they are.
//
// The protobuf messages are in package eventpb. [FileWriter.AddSummary] and
// [FileWriter.AddEvent] take them; the other methods do without.
package summary
