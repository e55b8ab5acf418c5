// Package options fills structs from command-line flags, environment variables, a file and defaults, in this
// order of precedence.
//
// Exported fields are options. Tags say the rest:
//
//	name      the flag; by default the field's name in kebab case
//	help      what the option is for, in a few words
//	default   its value where nothing else says, in the form of a flag's
//	required  "true": it must be given
//
// An option max-age is the flag --max-age, the environment variable MILLRACE_MAX_AGE (one that is empty counts
// as not set) and the key "max-age" of the file, a JSON object that --config or MILLRACE_CONFIG names. The
// options of a nested struct have its name as a prefix, --db-host, and may be an object of their own in the
// file: {"db": {"host": ...}}; those of an embedded struct have none.
//
// # Types
//
//	string
//	bool                        --verbose, --verbose=false
//	integers                    40, -3, 0x10, 1_000, within the bounds of their type
//	floats                      0.5, 1e-3
//	time.Duration               90s, 1h30m
//	time.Time                   2026-01-02T15:04:05Z (RFC 3339)
//	ByteSize                    512MB, 1GiB
//	sdk.Secret                  env:NAME or file:PATH; nothing prints it
//	encoding.TextUnmarshaler    what the type says, or a pointer to such a type
//	slices of all these         a,b,c or the flag repeated; an array in the file
//
// Other types, two options of one name and defaults that do not parse are mistakes of the program, which
// [Set.Add] returns. Mistakes of the user are returned by [Set.Parse], all together, each with the option, the
// value, where it came from and what is wanted.
package options
