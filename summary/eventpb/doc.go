// Package eventpb holds the protobuf messages of TensorBoard's event files:
// [Event], the payload of each record, and what it carries, above all
// [Summary].
//
//	event.proto    Event ─┬─ Summary ── Value
//	                      ├─ SessionLog
//	                      └─ …
//	summary.proto  Value ─┬─ simple_value, Image, Audio, HistogramProto
//	                      ├─ TensorProto
//	                      └─ SummaryMetadata ── PluginData, DataClass
//	tensor.proto   TensorProto ── TensorShapeProto, DataType
//	plugins.proto  what PluginData.content holds: HParamsPluginData, MeshPluginData …
//
// Use the messages to read event files, to check in a test what was written,
// and to hand package summary's writer an event or a summary that it has no
// method for. Where it has one, package summary encodes by hand and builds no
// message.
//
// Compare messages with proto.Equal, never by their bytes: Go's encoder puts a
// oneof behind all other fields, TensorFlow's where its number belongs. Readers
// accept either.
//
// Field names and numbers are those of TensorFlow 2.21
// (tensorflow/core/util/event.proto and the files of tensorflow/core/framework
// that it imports) and of TensorBoard's plugins, so either side reads what the
// other wrote. Graphs, run
// metadata and other messages that only TensorFlow can interpret stay
// serialized, as bytes. The proto package (runhook.eventpb) and the registered
// file names (runhook/eventpb/*.proto) are our own: a program can link these
// messages and a generated copy of TensorFlow's or TensorBoard's, where two
// copies under one name would panic at start.
package eventpb

//go:generate go run -C ../../internal/tools/genproto . -import runhook/eventpb ../../../summary/eventpb
