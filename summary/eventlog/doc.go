// Package eventlog reads what TensorBoard shows: event files and directories of
// them, of any writer.
//
// It has three layers, each of use without the next:
//
//	bytes ─Reader.Records─▶ Record ─Decoder─▶ Event ─Values─▶ Value ─Scalar, Tensor, …─▶ numbers
//
// A [Reader] tells a file that ends well from one that is torn and one that is
// corrupt, and goes on behind damage if asked to. An [Event] has been read from
// the record's bytes without messages of protobuf; [Event.Proto] makes one. A
// [Value] looks the same whether its writer used TensorFlow's first form or the
// second.
//
// Above them are whole log directories: [Events] iterates, [Tags] lists,
// [Scalars] collects curves into slices, [Follow] keeps reading what is written.
// They lose nothing: unlike TensorBoard's readers they neither sample nor purge
// unless asked to, and a step may come late or twice. What those show instead is
// told by package readers. [Repair] makes a whole file of a damaged one.
//
// Nothing here trusts a file. Memory follows the bytes that are there, never a
// length or a shape that they claim; what is not as it should be is a
// [*RecordError] that names file and offset.
//
// The rules are those of TensorBoard: tensorboard/data_compat.py,
// tensorboard/dataclass_compat.py and tensorboard/backend/event_processing.
package eventlog
