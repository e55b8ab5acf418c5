// Package launch runs pipelines as programs: it fills the program's options, chooses a runner, shows progress,
// and ends with an exit code.
//
//	func wordcount(p *sdk.Pipeline, o options) error { ... }
//
//	func main() { launch.Main(wordcount) }
//
// A program with several pipelines names them; --pipeline says which one runs:
//
//	func main() { launch.Pipelines(launch.Named("hourly", hourly), launch.Named("daily", daily)) }
//
// # Options
//
// The build function's second parameter is a struct of options. They come from flags, then environment
// variables, then a file, then defaults: see package options. --help lists them, and those of the runner:
// --runner, --workers, --budget, --dry-run (prints the plan), --http and more.
//
// # What a program shows
//
// Standard error takes everything; standard output is the pipeline's own, but for --help and --dry-run. On a
// terminal one line tells how far the job is, about four times a second; elsewhere a log line every 10 s. What
// the pipeline prints on the same terminal may land behind that line; --quiet leaves it out. At the end comes a
// table of what each transform has done. With --log-format=json all of it is log records, one JSON object a
// line, but for mistakes in the command line.
//
// --http serves, while the job runs, /status (JSON), /plan (text), /metrics (Prometheus) and /debug/pprof/,
// without any authentication: give it an address that only those can reach who may see that, such as
// localhost:8080. A port of 0 takes any that is free; the log has the URL.
//
// # Interrupts
//
// The first interrupt (Ctrl-C or SIGTERM) cancels the job, which then ends within about a second unless user
// code ignores its Context, and leaves no temporary or partial output; the second exits at once, and the next
// start removes what was left.
//
// # Exit codes
//
//	0    the job has done all its work, or there was nothing to run (--help, --dry-run)
//	1    the job has failed
//	2    the command line or the pipeline is wrong, or the runner refuses it; nothing has been run
//	130  interrupted
package launch
