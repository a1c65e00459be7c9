package notifydb

import "switchboard/internal/db/personal"

// Personal declares the tables of notification groups, and which of their rows and columns are about whom. Of people they
// hold only who is to be notified: an alert is about a site.
func Personal() []personal.Table {
	const (
		sites  = "it is about the organization's sites and topics"
		groups = "notification groups are no groups of individuals, and notify accounts"
	)
	return []personal.Table{
		{
			Name: "notify_topics", Key: "id", Plain: "id organization_id key name description created_at updated_at", Others: sites,
		},
		{
			Name: "notify_schedules", Key: "id", Plain: "id organization_id name timezone hours exceptions metadata created_at updated_at",
			JSON: "hours exceptions metadata", Others: sites,
		},
		{
			Name: "notify_groups", Key: "id", Plain: "id organization_id schedule_id name mute all_sites created_at updated_at", Others: sites,
		},
		{
			Name: "notify_group_topics", Key: "group_id topic_id", Plain: "group_id topic_id organization_id position all_sites", Others: sites,
		},
		{
			Name: "notify_group_sites", Key: "group_id site_id", Plain: "group_id site_id organization_id position", Others: sites,
		},
		{
			Name: "notify_group_notifiables", Key: "group_id user_id channel", Plain: "group_id user_id channel organization_id position",
			Rules:  []personal.Rule{personal.Delete(personal.User, "user_id = :id")},
			Others: groups,
		},
		{
			Name: "notify_alerts", Key: "id", Personal: "title body data",
			Plain: "id organization_id topic_id site_id status severity dedup_key latest occurred_at created_at resolved_at", JSON: "data", Others: sites,
		},
		{
			Name: "notify_alert_groups", Key: "alert_id group_id",
			Plain: "alert_id group_id organization_id position group_name outcome reason", Others: sites,
		},
	}
}
