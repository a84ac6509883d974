// Command bench measures NOPEA on a Kubernetes control plane of this machine, beside the floor that a plain client sets there: the
// program behind `make bench`. It sees what any client sees: the Kubernetes API, kube-apiserver's audit log, the Git server's requests
// and what the kernel says of each process. What each row means is in docs/performance.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
)

func main() {
	// What the client libraries have to say is in the errors too.
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	if err := command().Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "\n%v\n", err)
		os.Exit(1)
	}
}

type options struct {
	rows               []int
	rounds             int
	idle               time.Duration
	repositories       int
	objects            int
	edits              int
	json               string
	markdown, timeline bool
}

func command() *cobra.Command {
	o := options{rows: allRows(), rounds: 30, idle: 2 * time.Minute, repositories: 1000, objects: 10, edits: 200}
	root := &cobra.Command{
		Use:           "bench",
		Short:         "Measure NOPEA on a Kubernetes control plane of this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Once the first signal has come a second one ends this process at once.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop)
			if err := o.validate(); err != nil {
				return err
			}
			return measure(ctx, o)
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	flags := root.Flags()
	flags.IntSliceVar(&o.rows, "rows", o.rows, "rows to measure")
	flags.IntVar(&o.rounds, "rounds", o.rounds, "rounds of each row; those of rows 4, 5, 11 and 14 are at most 3, of row 6 at most 10")
	flags.DurationVar(&o.idle, "idle", o.idle, "how long rows 7 and 12 look at an idle NOPEA")
	flags.IntVar(&o.repositories, "repositories", o.repositories, "GitRepositories of rows 9 to 14, and the others of row 18")
	flags.IntVar(&o.objects, "objects", o.objects, "ConfigMaps of each of them")
	flags.IntVar(&o.edits, "edits", o.edits, "edits of row 9")
	flags.StringVar(&o.json, "json", o.json, "file for all samples as JSON")
	flags.BoolVar(&o.markdown, "markdown", o.markdown, "print the table as Markdown")
	flags.BoolVar(&o.timeline, "timeline", o.timeline, "print the requests of the median round of rows 1 to 3, with their times")
	root.AddCommand(gitServerCommand())
	return root
}

func (o *options) validate() error {
	for _, row := range o.rows {
		if !slices.Contains(allRows(), row) {
			return fmt.Errorf("--rows: there is no row %d", row)
		}
	}
	if o.rounds < 1 || o.idle <= 0 || o.edits < 1 {
		return errors.New("--rounds, --idle and --edits must be more than nothing")
	}
	if o.repositories < 2 || o.objects < 1 {
		return errors.New("--repositories must be at least 2, and --objects at least 1")
	}
	return nil
}

// bench is one run of this program.
type bench struct {
	options
	dir      string
	lines    []line
	problems []string
}

// group is rows that share clusters.
type group struct {
	rows []int
	run  func(context.Context, *bench) error
}

func groups() []group {
	return []group{
		{[]int{1, 2}, pushRows},
		{[]int{3, 4}, prometheusRows},
		{[]int{5, 6, 7}, manyRows},
		{[]int{8}, largeRow},
		{[]int{9, 10, 11, 12, 13, 14}, driftRows},
		{[]int{15, 16, 17, 18}, hookedRows},
		{[]int{19}, farRow},
		{[]int{20}, supersedeRow},
	}
}

func allRows() []int {
	var rows []int
	for _, g := range groups() {
		rows = append(rows, g.rows...)
	}
	return rows
}

func measure(ctx context.Context, o options) (err error) {
	// The servers are measured as they are shipped.
	for _, name := range []string{"GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GODEBUG"} {
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("clear the environment: %w", err)
		}
	}
	machine, err := describeMachine()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	b := &bench{options: o, dir: dir}
	for _, g := range groups() {
		if !slices.ContainsFunc(g.rows, b.wants) {
			continue
		}
		err := g.run(ctx, b)
		if ctx.Err() != nil {
			return errors.Join(errors.New("interrupted; nothing is left behind"), os.RemoveAll(dir))
		}
		if err != nil {
			return fmt.Errorf("%w\nAll logs and data are in %s", err, dir)
		}
	}
	if err := b.print(os.Stdout, machine); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the folder of this run: %w", err)
	}
	return b.verdict()
}

func (b *bench) print(out io.Writer, machine machine) error {
	slices.SortStableFunc(b.lines, func(a, b line) int { return a.Row - b.Row })
	write := writeText
	if b.markdown {
		write = writeMarkdown
	}
	if err := write(out, machine, b.lines); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	if b.json == "" {
		return nil
	}
	data, err := json.MarshalIndent(map[string]any{"machine": machine, "lines": b.lines, "problems": b.problems}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the samples: %w", err)
	}
	if err := os.WriteFile(b.json, data, 0o644); err != nil {
		return fmt.Errorf("write the samples: %w", err)
	}
	return nil
}

// verdict is an error if a promise was seen broken.
func (b *bench) verdict() error {
	var errs []error
	for _, problem := range b.problems {
		errs = append(errs, errors.New("not as promised: "+problem))
	}
	return errors.Join(errs...)
}

func (b *bench) wants(row int) bool { return slices.Contains(b.rows, row) }

func (b *bench) add(lines ...line) { b.lines = append(b.lines, lines...) }

// expect notes a problem unless a promise holds.
func (b *bench) expect(held bool, format string, args ...any) {
	if !held {
		b.problems = append(b.problems, fmt.Sprintf(format, args...))
	}
}

// say tells on standard error what is going on.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
