package localcluster

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// AuditLog reads what kube-apiserver noted of the requests it answered. A request's line is written before its answer ends, so
// whatever a test has seen answered is in the log.
type AuditLog struct {
	path string
}

// AuditLog of the cluster.
func (c *Cluster) AuditLog() *AuditLog {
	return &AuditLog{path: filepath.Join(c.dir, "audit.log")}
}

// Mark is a place in the audit log.
type Mark struct {
	file   os.FileInfo
	offset int64
}

// Event is a request, as far as tests ask about it. A watch has two: one when it starts, of stage ResponseStarted, one when it ends.
type Event struct {
	Stage      string
	Verb       string
	RequestURI string
	UserAgent  string
	// User sent the request; it was done in the name of ImpersonatedUser, unless that is empty.
	User, ImpersonatedUser string
	// Group is empty for the core API. All are empty for a request that is about no resource, such as discovery.
	Group, Resource, Subresource, Namespace, Name string
	// Code is the HTTP status of the answer.
	Code               int
	Received, Recorded time.Time
}

// Match selects events. What is left empty matches everything.
type Match struct {
	User, ImpersonatedUser                        string
	Verbs                                         []string
	Group, Resource, Subresource, Namespace, Name string
	// Stages that count. Default: ResponseComplete and Panic, which makes one event a request.
	Stages []string
}

// Writes are the verbs that change something.
func Writes() []string { return []string{"create", "update", "patch", "delete", "deletecollection"} }

// Mark is the end of the log as it is now.
func (l *AuditLog) Mark() (Mark, error) {
	info, err := os.Stat(l.path)
	if err != nil {
		return Mark{}, fmt.Errorf("mark the audit log: %w", err)
	}
	return Mark{file: info, offset: info.Size()}, nil
}

// Since returns the matching events after a mark, oldest first; the zero Mark is the beginning. A last line that is only half written
// is left for the next time.
func (l *AuditLog) Since(mark Mark, match Match) ([]Event, error) {
	file, err := os.Open(l.path)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer file.Close() // read only: nothing is lost
	if err := seek(file, mark); err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	if len(match.Stages) == 0 {
		match.Stages = []string{"ResponseComplete", "Panic"}
	}
	var events []Event
	for reader := bufio.NewReaderSize(file, 1<<16); ; {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		event, err := decode(line)
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		if match.matches(event) {
			events = append(events, event)
		}
	}
}

func seek(file *os.File, mark Mark) error {
	if mark.file == nil {
		return nil
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, mark.file) || info.Size() < mark.offset {
		return errors.New("it was rotated since the mark: mark it more often")
	}
	// The mark may be in the middle of a line that was being written; the line counts, for its request was not answered yet.
	start := mark.offset
	for last := make([]byte, 1); start > 0; start-- {
		if _, err := file.ReadAt(last, start-1); err != nil {
			return err
		}
		if last[0] == '\n' {
			break
		}
	}
	_, err = file.Seek(start, io.SeekStart)
	return err
}

// line is audit.k8s.io/v1's Event, as far as it is of use here.
type line struct {
	Stage      string `json:"stage"`
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	UserAgent  string `json:"userAgent"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	ImpersonatedUser struct {
		Username string `json:"username"`
	} `json:"impersonatedUser"`
	ObjectRef struct {
		APIGroup    string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	RequestReceivedTimestamp time.Time `json:"requestReceivedTimestamp"`
	StageTimestamp           time.Time `json:"stageTimestamp"`
}

func decode(data []byte) (Event, error) {
	var l line
	if err := json.Unmarshal(data, &l); err != nil {
		return Event{}, err
	}
	return Event{
		Stage: l.Stage, Verb: l.Verb, RequestURI: l.RequestURI, UserAgent: l.UserAgent,
		User: l.User.Username, ImpersonatedUser: l.ImpersonatedUser.Username,
		Group: l.ObjectRef.APIGroup, Resource: l.ObjectRef.Resource, Subresource: l.ObjectRef.Subresource,
		Namespace: l.ObjectRef.Namespace, Name: l.ObjectRef.Name,
		Code: l.ResponseStatus.Code, Received: l.RequestReceivedTimestamp, Recorded: l.StageTimestamp,
	}, nil
}

func (m Match) matches(e Event) bool {
	for _, field := range []struct{ want, got string }{
		{m.User, e.User},
		{m.ImpersonatedUser, e.ImpersonatedUser},
		{m.Group, e.Group},
		{m.Resource, e.Resource},
		{m.Subresource, e.Subresource},
		{m.Namespace, e.Namespace},
		{m.Name, e.Name},
	} {
		if field.want != "" && field.want != field.got {
			return false
		}
	}
	return slices.Contains(m.Stages, e.Stage) && (len(m.Verbs) == 0 || slices.Contains(m.Verbs, e.Verb))
}

// String is the event in a line, for a test's message.
func (e Event) String() string {
	as := e.User
	if e.ImpersonatedUser != "" {
		as += " as " + e.ImpersonatedUser
	}
	return fmt.Sprintf("%s %s by %s: %d", e.Verb, e.RequestURI, as, e.Code)
}
