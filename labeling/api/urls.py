"""Addresses of labeling's API, one list for each part; add a list, then add it to the end."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path

from labeling.api.agreement import AgreementView
from labeling.api.alike import AlikeView, AllTheSameView
from labeling.api.annotations import AnnotationsView, UndoView
from labeling.api.expert import AdjudicationView, ExpertImageView, ExpertView
from labeling.api.gold import GoldCandidatesView, GoldImageView, GoldView, WithdrawGoldView
from labeling.api.images import (
    ExampleView,
    ImageView,
    KeepImageView,
    KeptTogetherView,
    RemoveImageView,
    StaffImagesView,
)
from labeling.api.invitations import (
    AcceptView,
    InvitationPageView,
    RevokeInvitationView,
    StaffInvitationsView,
)
from labeling.api.label_steps import (
    LabelGroupsView,
    LabelUseView,
    MergeLabelsView,
    SplitLabelView,
)
from labeling.api.labeling import LabelingView
from labeling.api.labels import LabelsView, LabelView, RetireLabelView, StaffExampleView
from labeling.api.leaderboard import LeaderboardView
from labeling.api.new_labels import (
    DismissLabelView,
    JoinLabelView,
    MakeLabelView,
    NewLabelsView,
)
from labeling.api.people import HandledView, MessagesView, StaffMessagesView
from labeling.api.projects import PauseView, StaffProjectsView, StaffProjectView
from labeling.api.queue import AssignmentsView, ReleaseView, RenewView
from labeling.api.review import ReviewImageView, ReviewView
from labeling.api.roster import (
    AnonymiseView,
    PausePersonView,
    PeopleView,
    PersonView,
    QuarantineView,
    RoleView,
)
from labeling.api.session import LoginView, LogoutView, PasswordView, SessionView
from labeling.api.tokens import TokensView, TokenView

STAFF = "staff/projects/<slug:slug>/"

people_urls: list[URLPattern | URLResolver] = [
    path("session", SessionView.as_view()),
    path("session/login", LoginView.as_view()),
    path("session/logout", LogoutView.as_view()),
    path("session/password", PasswordView.as_view()),
    path("invitations/<str:token>", InvitationPageView.as_view()),
    path("invitations/<str:token>/accept", AcceptView.as_view()),
    path("projects/<slug:slug>/messages", MessagesView.as_view()),
    path("staff/projects", StaffProjectsView.as_view()),
    path("staff/projects/<slug:slug>", StaffProjectView.as_view()),
    path(f"{STAFF}pause", PauseView.as_view()),
    path(f"{STAFF}labels", LabelsView.as_view()),
    path(f"{STAFF}labels/<slug:code>", LabelView.as_view()),
    path(f"{STAFF}labels/<slug:code>/retire", RetireLabelView.as_view()),
    path(f"{STAFF}labels/<slug:code>/example", StaffExampleView.as_view()),
    path(f"{STAFF}labels/<slug:code>/split", SplitLabelView.as_view()),
    path(f"{STAFF}label-groups", LabelGroupsView.as_view()),
    path(f"{STAFF}label-use", LabelUseView.as_view()),
    path(f"{STAFF}label-steps/merge", MergeLabelsView.as_view()),
    path(f"{STAFF}new-labels", NewLabelsView.as_view()),
    path(f"{STAFF}new-labels/<uuid:public_id>/make", MakeLabelView.as_view()),
    path(f"{STAFF}new-labels/<uuid:public_id>/join", JoinLabelView.as_view()),
    path(f"{STAFF}new-labels/<uuid:public_id>/dismiss", DismissLabelView.as_view()),
    path(f"{STAFF}invitations", StaffInvitationsView.as_view()),
    path(f"{STAFF}invitations/<uuid:public_id>/revoke", RevokeInvitationView.as_view()),
    path(f"{STAFF}people", PeopleView.as_view()),
    path(f"{STAFF}people/<uuid:public_id>", PersonView.as_view()),
    path(f"{STAFF}people/<uuid:public_id>/pause", PausePersonView.as_view()),
    path(f"{STAFF}people/<uuid:public_id>/quarantine", QuarantineView.as_view()),
    path(f"{STAFF}people/<uuid:public_id>/anonymise", AnonymiseView.as_view()),
    path(f"{STAFF}people/<uuid:public_id>/role", RoleView.as_view()),
    path(f"{STAFF}messages", StaffMessagesView.as_view()),
    path(f"{STAFF}messages/<int:message_id>/handled", HandledView.as_view()),
    path("staff/tokens", TokensView.as_view()),
    path("staff/tokens/<uuid:public_id>", TokenView.as_view()),
]
image_urls: list[URLPattern | URLResolver] = [
    re_path(
        r"^images/(?P<public_id>[0-9a-f-]{36})/(?P<size>thumb|full)$",
        ImageView.as_view(),
        name="image",
    ),
    path("projects/<slug:slug>/labels/<slug:code>/example", ExampleView.as_view()),
    path(f"{STAFF}images", StaffImagesView.as_view()),
    path(f"{STAFF}kept-together", KeptTogetherView.as_view()),
    path(f"{STAFF}images/<uuid:public_id>/keep", KeepImageView.as_view()),
    path(f"{STAFF}images/<uuid:public_id>/remove", RemoveImageView.as_view()),
]
queue_urls: list[URLPattern | URLResolver] = [
    path("projects/<slug:slug>/annotations", AnnotationsView.as_view()),
    path("projects/<slug:slug>/labeling", LabelingView.as_view()),
    path("projects/<slug:slug>/assignments", AssignmentsView.as_view()),
    path("projects/<slug:slug>/assignments/renew", RenewView.as_view()),
    path("projects/<slug:slug>/assignments/release", ReleaseView.as_view()),
    path("projects/<slug:slug>/annotations/<uuid:public_id>/undo", UndoView.as_view()),
    path("projects/<slug:slug>/annotations/<uuid:public_id>/alike", AlikeView.as_view()),
    path(
        "projects/<slug:slug>/annotations/<uuid:public_id>/alike/answer", AllTheSameView.as_view()
    ),
]
crowd_urls: list[URLPattern | URLResolver] = [
    path("projects/<slug:slug>/leaderboard", LeaderboardView.as_view()),
    path("projects/<slug:slug>/expert", ExpertView.as_view()),
    path("projects/<slug:slug>/expert/<uuid:public_id>", ExpertImageView.as_view()),
    path(f"{STAFF}agreement", AgreementView.as_view()),
    path(f"{STAFF}adjudication", AdjudicationView.as_view()),
    path(f"{STAFF}label-errors", ReviewView.as_view()),
    path(f"{STAFF}label-errors/<uuid:public_id>", ReviewImageView.as_view()),
    path("projects/<slug:slug>/gold", GoldView.as_view()),
    path("projects/<slug:slug>/gold-candidates", GoldCandidatesView.as_view()),
    path("projects/<slug:slug>/gold/withdraw", WithdrawGoldView.as_view()),
    path("projects/<slug:slug>/gold/<uuid:public_id>", GoldImageView.as_view()),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *queue_urls,  # first: they are asked for most, and addresses are tried in order
    *people_urls,
    *image_urls,
    *crowd_urls,
]
