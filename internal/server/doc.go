// Package server assembles the rooms: it reads a configuration, compiles it into
// a gateway.Snapshot, listens, reloads by atomic swap, and stops gracefully.
//
// Rooms meet here and nowhere else. controls.go has the one list of controls, in
// the order they are asked.
//
// A wrong configuration never starts and never replaces a good one. Limits,
// suspicions, key sets, replayed proofs, revocations, connections and health live
// in state.go and survive a reload.
package server
