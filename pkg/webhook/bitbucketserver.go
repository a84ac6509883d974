package webhook

import (
	"cmp"
	"crypto/sha256"
	"time"
)

// bitbucketServer is Bitbucket Data Center.
//
// https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
type bitbucketServer struct{}

func (bitbucketServer) Name() string { return "bitbucket-server" }

func (bitbucketServer) Recognises(d *Delivery) bool {
	return d.Header.Get("X-Event-Key") != "" && !bitbucket{}.Recognises(d)
}

func (bitbucketServer) Verify(d *Delivery, secrets []Secret, _ time.Time) error {
	return verifyHex(d.Header.Get("X-Hub-Signature"), "sha256=", sha256.New, d.Body, secrets)
}

type bitbucketServerRepository struct {
	Links struct {
		Clone list[bitbucketLink] `json:"clone"`
		Self  list[bitbucketLink] `json:"self"`
	} `json:"links"`
}

type bitbucketLink struct {
	Href string `json:"href"`
}

func (bitbucketServer) URLs(d *Delivery) ([]string, error) {
	var r bitbucketServerRepository
	if err := fields(d.Body, map[string]any{"repository": &r}); err != nil {
		return nil, err
	}
	var urls []string
	for _, link := range append(r.Links.Clone, r.Links.Self...) {
		urls = append(urls, link.Href)
	}
	return distinct(urls...), nil
}

type bitbucketServerChange struct {
	Ref struct {
		ID string `json:"id"`
	} `json:"ref"`
	RefID string `json:"refId"`
	To    string `json:"toHash"`
	Type  string `json:"type"`
}

func (b bitbucketServer) Parse(d *Delivery) (*Event, error) {
	name := d.Header.Get("X-Event-Key")
	e, err := newEvent(b, d, name, d.Header.Get("X-Request-Id"))
	if err != nil {
		return nil, err
	}
	switch name {
	case "diagnostics:ping":
		e.Kind = Ping
	case "repo:refs_changed":
		var body struct {
			Changes list[bitbucketServerChange] `json:"changes"`
		}
		if err := decode(d.Body, &body); err != nil {
			return nil, err
		}
		return e.push("", len(body.Changes), func(i int) (Change, error) {
			c := body.Changes[i]
			return newChange(cmp.Or(c.Ref.ID, c.RefID), c.To, c.Type == "DELETE")
		})
	}
	return e, nil
}
