// Package bench holds CDT against Celery 5 with Redis, on one machine and in
// one run: how many tasks that do nothing pass through (BenchmarkDispatch), and
// how long it takes from a fact to a worker that holds the task it asks for
// (BenchmarkLatency). Both start real servers: PostgreSQL as Debian ships it,
// with fsync on, and Redis as Celery's users have it.
//
// Rates of both sides are taken in turns, since this machine may have other
// things to do; the processor time that a task costs on either side is told besides.
// Redis writes nothing to a disk here, which is to Celery's advantage.
//
//	make bench BENCH=dispatch
//	make bench BENCH=latency
//
// Two more hold the whole system against programs people would use instead:
// small files that are packed and archived against rsync and restic
// (BenchmarkSmallFiles), and a long line of a limited rate against rsync with
// one call for each file (BenchmarkGoodput).
//
//	make bench BENCH=smallfiles
//	make bench BENCH=goodput
//
// One holds the system against itself: with InfluxDB, Redis and a collector
// there, and with each of them, and all, a hole that swallows everything (BenchmarkBlackhole).
//
//	make bench BENCH=blackhole
//
// It is benchmarks only, and may import anything but cmd.
package bench
