// Package river brings tasks to their sites over River, a job queue in
// PostgreSQL. A job is inserted in the transaction of its task ([Inserter]),
// on the queue of the task's site, and lasts as long as the run ([Queue]).
//
// It holds no truth: a job that is lost, doubled or late does no harm, and
// nothing here retries, times out or rescues by age. That belongs to the task.
// docs/adr/0012 says how a queue that pushes serves workers that pull.
//
// It imports jobs and opsdb.
package river
