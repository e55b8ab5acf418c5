package options

import (
	"fmt"
	"io"
	"strings"

	"github.com/millrace-go/millrace/sdk"
)

// Usage writes what there is to set, by the headings of [Set.Add]. Errors of w are not told.
func (s *Set) Usage(w io.Writer) {
	for _, g := range s.groups {
		if len(g.opts) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(w, "\n%s:\n", g.heading)
		for _, o := range g.opts {
			flag := o.Flag
			if o.Type != "bool" {
				flag += " " + o.Type
			}
			line := o.Help
			if o.Default != "" {
				d := o.Default
				if o.secret {
					d = sdk.Secret(d).String()
				}
				line += " (default " + d + ")"
			}
			if o.Required {
				line += " (required)"
			}
			_, _ = fmt.Fprintf(w, "  --%s\n        %s\n", flag, strings.TrimSpace(line+" [$"+o.Env+"]"))
		}
	}
	_, _ = fmt.Fprint(w, "\nAlways:\n"+
		"  --config path\n        a JSON object of options, for those that neither flags nor environment set [$MILLRACE_CONFIG]\n"+
		"  --help\n        print this\n")
}
