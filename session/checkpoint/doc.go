// Package checkpoint saves the variables of sessions and restores them:
// tf.train.Saver and the functions of checkpoint_management.
//
// A [Saver] is the [session.Saver] to set in a [session.Scaffold]. A checkpoint
// is known by its prefix; it is one file in the safetensors format, which
// Python's safetensors opens. Beside it, a state file in TensorFlow's form names
// the newest checkpoint and those that are kept:
//
//	logs/model.ckpt-900.safetensors
//	logs/model.ckpt-1000.safetensors    8 bytes   length of the header, little-endian
//	logs/checkpoint                     header    JSON: __metadata__ with checksum and step; dtype, shape, place of each variable
//	                                    data      row-major, little-endian, without gaps
//
// A file is written under another name, synced and renamed, and its folder
// synced, before the state file names it in the same way; only then is an older
// one removed. So whenever the machine stops, the state names a checkpoint that
// is whole. The checksum is a CRC-32C of the whole file: damage is an error that
// Is [ErrCorrupt], and nothing is restored.
//
// The functions may be called by any number of goroutines and processes, a Saver
// by one goroutine at a time. Only one job saves under a prefix.
package checkpoint
