// Package launch runs pipelines as programs: it fills the program's options, chooses a runner, shows progress,
// and ends with an exit code.
//
//	func wordcount(p *sdk.Pipeline, o options) error { ... }
//
//	func main() { launch.Main(wordcount) }
//
// Options come from flags, then environment variables, then a file: see package options. --help lists them.
//
// The first interrupt (Ctrl-C or SIGTERM) cancels the job, which then ends within about a second unless user
// code ignores its Context; the second exits at once.
//
// Exit codes:
//
//	0    the job has done all its work
//	1    the job has failed
//	2    the command line or the pipeline is wrong; nothing has been run
//	130  interrupted
package launch
