package page_test

import (
	"slices"
	"strconv"
	"testing"

	"switchboard/internal/page"
)

func TestMap(t *testing.T) {
	t.Parallel()
	got := page.Map(page.List[int]{Items: []int{1, 2}, Total: 9, More: true}, strconv.Itoa)
	if !slices.Equal(got.Items, []string{"1", "2"}) || got.Total != 9 || !got.More {
		t.Errorf("Map = %+v", got)
	}
	if empty := page.Map(page.List[int]{}, strconv.Itoa); empty.Items == nil {
		t.Error("an empty page must encode as [], not null")
	}
}
