package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// afterwards is how long after a sync its last requests may come: the Event, and the deletion of a Sync beyond the history.
const afterwards = 100 * time.Millisecond

// moment is something that happened during a sync.
type moment struct {
	at   time.Time
	took string
	who  string
	what string
}

// timeline writes, to standard error, all requests of one sync since its POST, as kube-apiserver and the Git server saw them.
func (t *tenant) timeline(r round) error {
	requests, err := t.Cluster.AuditLog().Since(r.mark, localcluster.Match{})
	if err != nil {
		return err
	}
	moments := []moment{{at: r.posted, who: "bench", what: "POST sent"}, {at: r.live, who: "bench", what: "all live"},
		{at: r.done, who: "bench", what: "Sync Succeeded"}}
	end := r.done.Add(afterwards)
	for _, e := range requests {
		post := e.Resource == "gitrepositories" && e.Subresource == "syncs"
		if e.Received.After(end) || !byNOPEA(e) && !post {
			continue
		}
		moments = append(moments, moment{at: e.Received, took: fmt.Sprintf("%.1f", float64(e.Recorded.Sub(e.Received))/float64(time.Millisecond)),
			who: sender(e), what: fmt.Sprintf("%s %s: %d", e.Verb, e.RequestURI, e.Code)})
	}
	for _, pull := range r.pulls {
		moments = append(moments, moment{at: pull.Received, who: "git", what: pull.Command + " " + pull.Repo})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	return writeTimeline(os.Stderr, r.posted, moments)
}

func sender(e localcluster.Event) string {
	switch {
	case e.ImpersonatedUser != "":
		return "tenant"
	case e.User == sandbox.ControllerUser:
		return "controller"
	case e.User == sandbox.APIServerUser:
		return "apiserver"
	}
	return "bench"
}

func writeTimeline(out io.Writer, posted time.Time, moments []moment) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "at ms\ttook ms\t\t")
	for _, m := range moments {
		fmt.Fprintf(table, "%.1f\t%s\t%s\t  %s\n", float64(m.at.Sub(posted))/float64(time.Millisecond), m.took, m.who, m.what)
	}
	return table.Flush()
}
