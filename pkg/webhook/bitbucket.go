package webhook

import (
	"crypto/sha256"
	"strings"
	"time"
)

// bitbucket is Bitbucket Cloud.
//
// https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/
type bitbucket struct{}

func (bitbucket) Name() string { return "bitbucket" }

// Recognises goes by what Bitbucket Data Center does not send.
func (bitbucket) Recognises(d *Delivery) bool {
	return d.Header.Get("X-Event-Key") != "" && (d.Header.Get("X-Hook-UUID") != "" || d.Header.Get("X-Request-UUID") != "")
}

func (bitbucket) Verify(d *Delivery, secrets []Secret, _ time.Time) error {
	return verifyHex(d.Header.Get("X-Hub-Signature"), "sha256=", sha256.New, d.Body, secrets)
}

type bitbucketRepository struct {
	FullName string `json:"full_name"`
	Links    struct {
		HTML struct {
			Href string `json:"href"`
		} `json:"html"`
	} `json:"links"`
	MainBranch struct {
		Name string `json:"name"`
	} `json:"mainbranch"`
}

// URLs are made from the name: the body holds none to clone from.
func (bitbucket) URLs(d *Delivery) ([]string, error) {
	var r bitbucketRepository
	if err := fields(d.Body, map[string]any{"repository": &r}); err != nil {
		return nil, err
	}
	if r.FullName == "" {
		return distinct(r.Links.HTML.Href), nil
	}
	return distinct("https://bitbucket.org/"+r.FullName+".git", r.Links.HTML.Href), nil
}

type bitbucketBody struct {
	Push struct {
		Changes list[bitbucketChange] `json:"changes"`
	} `json:"push"`
	Repository bitbucketRepository `json:"repository"`
}

type bitbucketChange struct {
	Old *bitbucketRef `json:"old"`
	New *bitbucketRef `json:"new"`
}

type bitbucketRef struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Target struct {
		Hash string `json:"hash"`
	} `json:"target"`
}

func (b bitbucket) Parse(d *Delivery) (*Event, error) {
	name := d.Header.Get("X-Event-Key")
	e, err := newEvent(b, d, name, d.Header.Get("X-Request-UUID"))
	if err != nil || name != "repo:push" {
		return e, err
	}
	var body bitbucketBody
	if err := decode(d.Body, &body); err != nil {
		return nil, err
	}
	changes := body.Push.Changes
	return e.push(body.Repository.MainBranch.Name, len(changes), func(i int) (Change, error) { return changes[i].change() })
}

// change has no "new" when the ref was deleted, and no "old" when it was created.
func (c bitbucketChange) change() (Change, error) {
	if c.New != nil {
		return newChange(c.New.full(), c.New.Target.Hash, false)
	}
	if c.Old != nil {
		return newChange(c.Old.full(), "", true)
	}
	return newChange("", "", true)
}

// full takes whatever is no tag for a branch.
func (r *bitbucketRef) full() string {
	if strings.HasSuffix(r.Type, "tag") {
		return tags + r.Name
	}
	return branches + r.Name
}
