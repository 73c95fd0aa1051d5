// Package bench holds CDT against Celery 5 with Redis, on one machine and in
// one run: how many tasks that do nothing pass through (BenchmarkDispatch), and
// how long it takes from a fact to a worker that holds the task it asks for
// (BenchmarkLatency). Both start real servers: PostgreSQL as Debian ships it,
// with every commit on the disk, and Redis as Celery's users have it.
//
//	make bench BENCH=dispatch
//	make bench BENCH=latency
//
// It is benchmarks only, and may import anything but cmd.
package bench
