// Package audit is the decision record: one JSON object per request in an
// append-only file, and what reads it back.
//
// # What Append promises
//
// [Log.Append] returning nil means that the record stands complete in the memory
// of this process, in its place in the order. One writer takes it from there:
//
//   - to the operating system (write(2)) within [Linger], 10 ms, while the file
//     can be written: a killed or crashed process loses at most that;
//   - to the disk (fsync) within a second, and at every rotation and at Close: a
//     machine that loses power loses about the last second.
//
// It is not a promise that the record is on the disk when the client has its
// answer.
//
// The queue is bounded ([QueueBytes]). Where the writer falls behind, Append
// waits up to [Patience] if on_error is stop, and then returns an error; with
// continue it never waits. Either way a decision that finds no room is lost, is
// counted, and leaves a gap record with the number of lost decisions in the
// file, in its place in the order, as soon as it can be written again.
//
// A file that cannot be written (full disk, wrong owner, a directory that is
// gone) makes [Log.Err], and where on_error is stop [Log.Ready], return an error,
// is logged loudly and tried again every half second. What waits in the queue is kept and written then; a line that was
// written in part is completed or removed, never left joined to another.
//
// # What a record holds
//
// Who asked for what, what every control said and why, what came of it; see
// [Record]. Never tokens, cookies, bodies, header values or query values. Names of
// query parameters are kept. Values of sensitive path parameters, and e-mail
// addresses, long digit runs and tokens in the path and in free text are masked;
// see [Masker]. Subject and client ids are kept: the record is about them. Every
// string is inert (no control, bidi or invisible character stands in the file
// unescaped) and capped in length. The file's mode is 0600.
package audit
