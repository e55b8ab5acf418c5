package options_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace-go/millrace/runners/launch/options"
	"github.com/millrace-go/millrace/sdk"
)

type login struct {
	User string     `help:"who" default:"nobody"`
	Pass sdk.Secret `help:"the password"`
}

type common struct{ Verbose bool }

type all struct {
	Input   string `help:"files to read" default:"*.txt"`
	HTTPURL string
	Workers int     `default:"4"`
	Small   int8    `help:"a small number"`
	Port    uint16  `name:"listen-port"`
	Ratio   float64 `default:"0.5"`
	Every   time.Duration
	Since   time.Time
	Size    options.ByteSize `default:"64KB"`
	Paths   []string
	Ports   []uint16
	Level   slog.Level
	Addr    *netip.Addr
	Token   sdk.Secret
	Tokens  []sdk.Secret
	DB      login
	common
	Common common
}

func getenv(env map[string]string) func(string) (string, bool) {
	return func(k string) (string, bool) { v, ok := env[k]; return v, ok }
}

func parse(o any, args []string, env, files map[string]string) error {
	var s options.Set
	if err := s.Add("Options", o); err != nil {
		return err
	}
	return s.Parse(options.Source{Args: args, Getenv: getenv(env), ReadFile: func(p string) ([]byte, error) {
		if f, ok := files[p]; ok {
			return []byte(f), nil
		}
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}})
}

func defaults() all {
	return all{Input: "*.txt", Workers: 4, Ratio: 0.5, Size: 64 << 10, DB: login{User: "nobody"}}
}

func TestParse(t *testing.T) {
	addr := netip.MustParseAddr("10.0.0.1")
	for _, tt := range []struct {
		name  string
		args  string
		env   map[string]string
		files map[string]string
		want  func(o *all)
	}{
		{name: "defaults", want: func(*all) {}},
		{
			name: "flags of every type", args: "--input=a --httpurl b --workers 0x10 --small -7 --listen-port 80 --ratio 1e-3 --every 1h30m " +
				"--since 2026-01-02T15:04:05+01:00 --size 1.5GiB --paths a,b --ports 1,2 --level warn --addr 10.0.0.1 --token env:T --tokens env:A,file:/b --verbose",
			want: func(o *all) {
				*o = all{
					Input: "a", HTTPURL: "b", Workers: 16, Small: -7, Port: 80, Ratio: 0.001, Every: 90 * time.Minute,
					Since: time.Date(2026, 1, 2, 14, 4, 5, 0, time.UTC), Size: 3 << 29, Paths: []string{"a", "b"}, Ports: []uint16{1, 2},
					Level: slog.LevelWarn, Addr: &addr, Token: "env:T", Tokens: []sdk.Secret{"env:A", "file:/b"}, DB: o.DB,
				}
				o.common.Verbose = true
			},
		},
		{name: "one dash", args: "-workers 3", want: func(o *all) { o.Workers = 3 }},
		{name: "a list repeated", args: "--paths a --paths b,c", want: func(o *all) { o.Paths = []string{"a", "b", "c"} }},
		{name: "an empty list", args: "--paths=", want: func(o *all) { o.Paths = []string{} }},
		{name: "a flag twice", args: "--workers 1 --workers 2", want: func(o *all) { o.Workers = 2 }},
		{name: "a value with a dash", args: "--input=-x", want: func(o *all) { o.Input = "-x" }},
		{name: "standard input", args: "--input -", want: func(o *all) { o.Input = "-" }},
		{name: "a value with an equals sign", args: "--input a=b", want: func(o *all) { o.Input = "a=b" }},
		{name: "false", args: "--verbose=false", want: func(*all) {}},
		{name: "nested", args: "--db-user u --db-pass file:/p --common-verbose", want: func(o *all) {
			o.DB = login{"u", "file:/p"}
			o.Common.Verbose = true
		}},
		{name: "environment", env: map[string]string{"MILLRACE_LISTEN_PORT": "8", "MILLRACE_DB_USER": "u", "MILLRACE_PATHS": "a, b"}, want: func(o *all) {
			o.Port, o.DB.User, o.Paths = 8, "u", []string{"a", "b"}
		}},
		{name: "an empty variable is not set", env: map[string]string{"MILLRACE_WORKERS": ""}, want: func(*all) {}},
		{name: "file", args: "--config f", files: map[string]string{"f": `{"input": "a,b", "workers": 2, "ratio": 2.5, "size": "1MB", "paths": ["a,b", "c"],
			"ports": [1, 2], "every": null, "db": {"user": "u"}, "db-pass": "env:P", "verbose": true}`}, want: func(o *all) {
			o.Input, o.Workers, o.Ratio, o.Size, o.Paths, o.Ports, o.DB = "a,b", 2, 2.5, 1<<20, []string{"a,b", "c"}, []uint16{1, 2}, login{"u", "env:P"}
			o.common.Verbose = true
		}},
		{
			name: "flags before environment before file before default", args: "--config f --input flag",
			env:   map[string]string{"MILLRACE_INPUT": "env", "MILLRACE_WORKERS": "7", "MILLRACE_PATHS": "env"},
			files: map[string]string{"f": `{"input": "file", "workers": 8, "ratio": 8, "paths": ["file"]}`},
			want: func(o *all) {
				o.Input, o.Workers, o.Ratio, o.Paths = "flag", 7, 8, []string{"env"}
			},
		},
		{
			name: "the file's name from the environment", env: map[string]string{"MILLRACE_CONFIG": "f"}, files: map[string]string{"f": `{"workers": 8}`},
			want: func(o *all) { o.Workers = 8 },
		},
		{
			name: "the file's name from both", args: "--config g", env: map[string]string{"MILLRACE_CONFIG": "f"}, files: map[string]string{"g": `{"workers": 9}`},
			want: func(o *all) { o.Workers = 9 },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got all
			if err := parse(&got, strings.Fields(tt.args), tt.env, tt.files); err != nil {
				t.Fatal(err)
			}
			want := defaults()
			tt.want(&want)
			if d := cmp.Diff(want, got, cmp.AllowUnexported(all{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.EquateApproxTime(0)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		args string
		env  map[string]string
		file string // of --config
		want string
	}{
		{name: "no such option", args: "--inptu x --workers 2", want: `--inptu: there is no such option; did you mean --input?`},
		{name: "nothing like it", args: "--foo", want: `--foo: there is no such option; --help lists them`},
		{name: "no option", args: "x", want: `"x" is no option: options begin with --; quote a pattern so that the shell does not expand it, and write --NAME=false to switch one off`},
		{name: "two dashes", args: "--", want: `--: there is no such option; --help lists them`},
		{name: "the value is missing", args: "--input", want: `--input: its value is missing; one that begins with a dash is written --input=VALUE`},
		{name: "the value is an option", args: "--input --verbose", want: `--input: its value is missing; one that begins with a dash is written --input=VALUE`},
		{name: "no file", args: "--config", want: `--config: its value is missing; one that begins with a dash is written --config=VALUE`},
		{name: "everything at once", args: "--workers many --small 200 --listen-port -1 --ratio x --every 5 --since now --size 5QB --level loud --verbose=si --addr 1 --ports 1,x", want: `
--workers, from the command line: "many": want a whole number from -9223372036854775808 to 9223372036854775807
--small, from the command line: "200": want a whole number from -128 to 127
--listen-port, from the command line: "-1": want a whole number from 0 to 65535
--ratio, from the command line: "x": want a number
--every, from the command line: "5": want a duration such as 90s or 1h30m
--since, from the command line: "now": want a time such as 2026-01-02T15:04:05Z
--size, from the command line: "5QB": want a size such as 512MB
--level, from the command line: "loud": slog: level string "loud": unknown name
--verbose, from the command line: "si": want true or false
--addr, from the command line: "1": ParseAddr("1"): unable to parse IP
--ports, from the command line: "1,x": want a whole number from 0 to 65535`},
		{name: "environment", env: map[string]string{"MILLRACE_WORKERS": "many"}, want: `--workers, from MILLRACE_WORKERS: "many": want a whole number from -9223372036854775808 to 9223372036854775807`},
		{name: "secrets", args: "--token hunter2 --tokens env:A,hunter2 --db-pass hunter2", want: `
--token, from the command line: want env:NAME or file:PATH, not the secret itself
--tokens, from the command line: want env:NAME or file:PATH, not the secret itself
--db-pass, from the command line: want env:NAME or file:PATH, not the secret itself`},
		{name: "a secret in the environment", env: map[string]string{"MILLRACE_TOKEN": "hunter2"}, want: `--token, from MILLRACE_TOKEN: want env:NAME or file:PATH, not the secret itself`},
		{name: "a secret in the file", file: `{"token": "hunter2", "tokens": ["hunter2"], "db": {"pass": {"hunter2": 1}}}`, want: `
--token, from f:1: want env:NAME or file:PATH, not the secret itself
--tokens, from f:1: want env:NAME or file:PATH, not the secret itself
--db-pass, from f:1: want a secret, not an array or object`},
		{name: "the file", file: "{\n\"wrokers\": 1,\n\"workers\": 1.5, \"input\": [1],\n \"db\": {\"usr\": 1,\n\n\"user\":{}},\n\"ratio\":1,\"ratio\":2, \"paths\": [[1]], \"ports\": [1, null], \"every\": 5}", want: `
f:2: there is no option "wrokers"; did you mean workers?
--workers, from f:3: "1.5": want a whole number from -9223372036854775808 to 9223372036854775807
--input, from f:3: want a string, not an array or object
f:4: there is no option "db-usr"; did you mean db-user?
--db-user, from f:6: want a string, not an array or object
f:7: "ratio" is there twice
--paths, from f:7: want a string,..., not an array or object
--ports, from f:7: want a int,..., not an array or object
--every, from f:7: "5": want a duration such as 90s or 1h30m`},
		{name: "not JSON", file: "{\n\"workers\": 1,\n}", want: `--config: f:3: want a JSON object of options: invalid character '}' looking for beginning of object key string`},
		{name: "no object", file: "[1]", want: `--config: f: want a JSON object of options`},
		{name: "the file is missing", args: "--config g", want: `--config: open g: file does not exist`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := strings.Fields(tt.args)
			if tt.file != "" {
				args = append(args, "--config", "f")
			}
			err := parse(&all{}, args, tt.env, map[string]string{"f": tt.file})
			if err == nil || !errors.Is(err, options.ErrUsage) {
				t.Fatalf("got %v, want ErrUsage", err)
			}
			if d := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), err.Error()); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestRequired(t *testing.T) {
	type o struct {
		In  string   `required:"true" help:"what to read"`
		Out []string `required:"true"`
	}
	err := parse(&o{}, nil, nil, nil)
	want := "--in (or MILLRACE_IN) is required: what to read\n--out (or MILLRACE_OUT) is required: a string,..."
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := parse(&o{}, []string{"--in", "x"}, map[string]string{"MILLRACE_OUT": "y"}, nil); err != nil {
		t.Error(err)
	}
	if err := parse(&o{}, []string{"--config", "f", "--in="}, nil, map[string]string{"f": `{"out": []}`}); err != nil {
		t.Errorf("empty values are values: %v", err)
	}
}

func TestHelp(t *testing.T) {
	type o struct {
		In string `required:"true"`
	}
	for _, args := range [][]string{{"--help"}, {"-h"}, {"--nonsense", "--in", "x", "-help"}} {
		if err := parse(&o{}, args, nil, nil); !errors.Is(err, options.ErrHelp) {
			t.Errorf("%q: got %v, want ErrHelp", args, err)
		}
	}
}

// TestPeek: what is not for the set is passed over, whether a flag, a value or a key.
func TestPeek(t *testing.T) {
	for _, tt := range []struct{ args, env, want string }{
		{"--x 1 y --pipeline=a --z", "", "a"},
		{"--x 1 --help --pipeline a", "b", "a"},
		{"--x --config f", "b", "b"},
		{"--x --config f", "", "c"},
		{"--x", "", ""},
	} {
		var o struct{ Pipeline string }
		var s options.Set
		if err := s.Add("", &o); err != nil {
			t.Fatal(err)
		}
		s.Peek(options.Source{
			Args: strings.Fields(tt.args), Getenv: getenv(map[string]string{"MILLRACE_PIPELINE": tt.env}),
			ReadFile: func(string) ([]byte, error) { return []byte(`{"other": 1, "pipeline": "c"}`), nil },
		})
		if o.Pipeline != tt.want {
			t.Errorf("%q, environment %q: got %q, want %q", tt.args, tt.env, o.Pipeline, tt.want)
		}
	}
}

func TestProgramMistakes(t *testing.T) {
	for _, tt := range []struct {
		o    any
		want string
	}{
		{struct{}{}, "struct {} is not a pointer to a struct"},
		{(*login)(nil), "is not a pointer to a struct"},
		{&struct{ M map[string]int }{}, "field M of struct { M map[string]int }: no option can be of type map[string]int"},
		{&struct{ S [][]string }{}, "no option can be of type [][]string"},
		{&struct{ P *string }{}, "no option can be of type *string"},
		{&struct {
			A int `name:"x"`
			B int `name:"x"`
		}{}, "is called --x already"},
		{&struct {
			A int `name:"x-y"`
			B int `name:"x.y"`
		}{}, "the option --x-y has the environment variable MILLRACE_X_Y already"},
		{&struct {
			A int `name:"--x"`
		}{}, `"--x" cannot be the name of a flag`},
		{&struct{ Help bool }{}, "every program has an option --help already"},
		{&struct {
			A time.Duration `default:"5"`
		}{}, `its default "5": want a duration`},
		{&struct {
			A int `default:"5" required:"true"`
		}{}, "required and has a default"},
		{&struct {
			a int `help:"x"`
		}{}, `it has a tag "help" but is not exported`},
	} {
		var s options.Set
		if err := s.Add("", tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%T: got %v, want it to contain %q", tt.o, err, tt.want)
		}
	}
}

func TestUsage(t *testing.T) {
	var o struct {
		Input  string        `help:"files to read" required:"true"`
		MaxAge time.Duration `help:"how old" default:"1h"`
		Force  bool
		Token  sdk.Secret `default:"env:TOKEN"`
		Tags   []string
	}
	var s options.Set
	if err := s.Add("Options", &o); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	s.Usage(&b)
	const want = `
Options:
  --input string
        files to read (required) [$MILLRACE_INPUT]
  --max-age duration
        how old (default 1h) [$MILLRACE_MAX_AGE]
  --force
        [$MILLRACE_FORCE]
  --token secret
        (default env:TOKEN) [$MILLRACE_TOKEN]
  --tags string,...
        [$MILLRACE_TAGS]

Always:
  --config path
        a JSON object of options, for those that neither flags nor environment set [$MILLRACE_CONFIG]
  --help
        print this
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestLogValue: a log shows every option's value, and of secrets not even the reference.
func TestLogValue(t *testing.T) {
	addr := netip.MustParseAddr("10.0.0.1")
	o := all{Input: "a b", Size: 5 << 20, Every: time.Minute, Paths: []string{"x", "y"}, Addr: &addr, Token: "env:HUNTER2", Tokens: []sdk.Secret{"env:HUNTER2", ""}}
	var s options.Set
	if err := s.Add("", &o); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(s.LogValue())
	for _, want := range []string{"input=*.txt", "workers=4", "every=1m0s", "paths=x,y", "addr=10.0.0.1", "token=(not shown)", "tokens=(not shown),", "db-pass= ", "since=0001-01-01T00:00:00Z"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nis not in %s", want, got)
		}
	}
	if strings.Contains(got, "HUNTER2") {
		t.Errorf("a secret's reference is in %s", got)
	}
}

func TestByteSize(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int64 // -1: an error
	}{
		{"0", 0},
		{"17", 17},
		{"17B", 17},
		{"64KB", 64 << 10},
		{"64 kib", 64 << 10},
		{"512M", 512 << 20},
		{"1.5GB", 3 << 29},
		{"2TiB", 2 << 40},
		{".5k", 512},
		{"9007199254740993", 9007199254740993},
		{"9223372036854775807", math.MaxInt64},
		{" 1 KB ", 1024},
		{"-2K", -2048},
		{"", -1},
		{"B", -1},
		{"MB", -1},
		{"1IB", -1},
		{"1I", -1},
		{"inf", -1},
		{"nan", -1},
		{"1e3", -1},
		{"0x10", -1},
		{"1KBB", -1},
		{"9223372036854775808", -1},
		{"8388608TB", -1},
		{"1 2", -1},
		{"1.2.3", -1},
	} {
		var b options.ByteSize
		err := b.UnmarshalText([]byte(tt.in))
		if tt.want == -1 && err == nil || tt.want != -1 && (err != nil || int64(b) != tt.want) {
			t.Errorf("%q: got %d, %v, want %d", tt.in, b, err, tt.want)
		}
	}
	for b, want := range map[options.ByteSize][2]string{0: {"0", "0B"}, 1000: {"1000", "1000B"}, 1536: {"1536", "1.5KiB"}, 512 << 20: {"512MiB", "512.0MiB"}, -1024: {"-1KiB", "-1.0KiB"}} {
		if got := [2]string{b.String(), b.Short()}; got != want {
			t.Errorf("%d: got %v, want %v", int64(b), got, want)
		}
	}
}

// FuzzByteSize: what String writes reads back.
func FuzzByteSize(f *testing.F) {
	for _, s := range []string{"512MB", "1.5GiB", "-3k", "9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var b, again options.ByteSize
		if b.UnmarshalText([]byte(s)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%q is %d, written %q, which is %d, %v", s, int64(b), b, int64(again), err)
		}
	})
}

// FuzzFile: any file gives options or a usage error.
func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"input": "a", "db": {"user": "x"}, "paths": ["a", 1, true]}`))
	f.Add([]byte(`{"db": {"user": {}}, "": 1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		err := parse(&all{}, []string{"--config", "f"}, nil, map[string]string{"f": string(b)})
		if err != nil && !errors.Is(err, options.ErrUsage) {
			t.Error(err)
		}
	})
}

// FuzzFlags: any command line gives options, help or a usage error.
func FuzzFlags(f *testing.F) {
	f.Add("--workers\x001\x00--paths=a,b\x00-\x00--")
	f.Fuzz(func(t *testing.T, args string) {
		err := parse(&all{}, strings.Split(args, "\x00"), nil, nil)
		if err != nil && !errors.Is(err, options.ErrUsage) && !errors.Is(err, options.ErrHelp) {
			t.Error(err)
		}
	})
}

func ExampleSet() {
	var o struct {
		Input  string           `help:"files to read" default:"*.txt"`
		Budget options.ByteSize `help:"memory"`
		Token  sdk.Secret
	}
	var s options.Set
	if err := s.Add("Options", &o); err != nil {
		fmt.Println(err)
		return
	}
	err := s.Parse(options.Source{Args: []string{"--budget=512MB", "--token=env:TOKEN"}, Getenv: os.LookupEnv, ReadFile: os.ReadFile})
	fmt.Println(o.Input, int64(o.Budget), err)
	fmt.Println(s.LogValue())
	// Output:
	// *.txt 536870912 <nil>
	// [input=*.txt budget=512MiB token=(not shown)]
}
