// Command bench measures Gatehouse beside its peers, in one run on one machine,
// and prints one row per measure with its bar.
//
// Servers are compared by processor time per request: the server under test is
// pinned to one processor, the load (wrk) and the origin (nginx) to another, the
// rounds of ours and theirs alternate, and the medians count. Times in
// microseconds are processor time, too, and scaled to the machine of the day by
// what crypto/rsa needs for one RS256 verification in the same round.
//
// A measure is a row in measures.go and a function in a file of its own. Peers
// are programs below peers/, or packages of Debian's; handshaker and wafloader are loads.
//
// It exits with 0 where every bar is met, 1 where one is missed, 3 where
// something could not be measured.
package main
