package sdk

import (
	"fmt"
	"os"
	"strings"
)

// Secret is an option field that refers to a secret instead of holding it: "env:NAME" for an environment
// variable, "file:PATH" for a file's contents without trailing newlines. Only the reference travels with the
// options; it is resolved where it is used, and nothing prints what it refers to.
type Secret string

// Resolve returns what the secret refers to. The error names the reference, never the value.
func (s Secret) Resolve() (string, error) {
	kind, rest, ok := strings.Cut(string(s), ":")
	switch {
	case ok && kind == "env":
		v, set := os.LookupEnv(rest)
		if !set {
			return "", fmt.Errorf("sdk: resolving secret env:%s: the environment variable is not set", rest)
		}
		return v, nil
	case ok && kind == "file":
		b, err := os.ReadFile(rest)
		if err != nil {
			return "", fmt.Errorf("sdk: resolving secret file:%s: %w", rest, err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
	return "", fmt.Errorf("sdk: a secret must be given as env:NAME or file:PATH, not as itself")
}

// String shows the reference, or nothing of a value that was given by mistake.
func (s Secret) String() string {
	if strings.HasPrefix(string(s), "env:") || strings.HasPrefix(string(s), "file:") {
		return string(s)
	}
	if s == "" {
		return ""
	}
	return "(not a reference)"
}

// GoString keeps %#v from showing more than String.
func (s Secret) GoString() string { return fmt.Sprintf("sdk.Secret(%q)", s.String()) }

// MarshalText writes what String shows.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler], refusing anything but a reference.
func (s *Secret) UnmarshalText(b []byte) error {
	t := string(b)
	if t != "" && !strings.HasPrefix(t, "env:") && !strings.HasPrefix(t, "file:") {
		return fmt.Errorf("a secret must be given as env:NAME or file:PATH, not as itself")
	}
	*s = Secret(t)
	return nil
}
